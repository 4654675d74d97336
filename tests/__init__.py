"""Tests: real files, real git, real dvc, a real server."""
