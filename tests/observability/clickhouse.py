"""Runs SQL in an in-process ClickHouse.

Reads from stdin {"files": [path], "rows": {table: [row]}, "queries": [sql]} and writes to stdout, for each
query, {"rows": [...]} or {"error": text}. The files are applied twice: a second start changes nothing.
"""

import json
import re
import sys

from chdb.session import Session


def statements(path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^\s*--.*$", "", file.read(), flags=re.MULTILINE)
    return [statement for statement in re.split(r";\s*(?:\n|$)", text) if statement.strip()]


def main():
    request = json.load(sys.stdin)
    session = Session()
    for path in request["files"] * 2:
        for statement in statements(path):
            session.query(statement)
    # Data of any age is kept here.
    for table in request["rows"]:
        session.query(f"ALTER TABLE otel.{table} REMOVE TTL")
    for table, rows in request["rows"].items():
        lines = "\n".join(json.dumps(row) for row in rows)
        columns = ", ".join(f"`{name}`" for name in rows[0])
        session.query(f"INSERT INTO otel.{table} ({columns}) FORMAT JSONEachRow\n{lines}")
    session.query("USE otel")
    session.query("SET output_format_json_quote_64bit_integers = 0")
    answers = []
    for query in request["queries"]:
        try:
            answer = json.loads(str(session.query(query, "JSON")))
            answers.append({"rows": answer["data"]})
        except Exception as error:  # noqa: BLE001: any failure is an answer
            answers.append({"error": str(error)})
    json.dump(answers, sys.stdout)


main()
