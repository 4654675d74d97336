"""Patterns for the words that models use to name the parts of an answer; none of them captures a group."""

INPUT = r"inputs?|输入|輸入|入力|입력|eingabe|entrée|entrada|вход|ввод"
OUTPUT = r"outputs?|输出|輸出|出力|출력|ausgabe|sortie|salida|saída|вывод"
ANSWER = r"answer|response|solution|result|答案|回答|antwort|réponse|respuesta|resposta|ответ"
LABEL = r"class label|label|class|category|标签|類別|类别"
CONTENT = r"text|sentence|review|message|e-?mail|tweet|comment|question|passage|paragraph|statement|headline|title"
INSTRUCTION = (
    r"task|instruction|aufgabe|anweisung|tâche|consigne|tarea|instrucción|tarefa|compito|taak|opdracht|задача|задание"
    r"|任务|任務|指令|タスク|課題|指示|과제|작업|지시"
)
TASK = rf"{INSTRUCTION}|question|prompt|exercise|problem|idea|frage|问题"
QUALIFIER = r"(?:(?:sample|example|expected|desired|model|correct|possible|final) )?"
COLON = r"[ \t\u3000]*[:：]"
