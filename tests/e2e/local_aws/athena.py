"""The Athena statements of docs/operations.md, read from the document and run in DuckDB.

sqlglot translates the queries. Python's `re` stands for the RegexSerDe, which matches a whole line too.
"""

import re

import duckdb
import sqlglot
from sqlglot import expressions

from . import paths

DOCUMENT = paths.ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"^### (?P<title>.+?)\n|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    """The document's code blocks of a language, as pairs of the heading above and the text."""
    title, found = "", []
    for match in BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8")):
        if match["title"]:
            title = match["title"]
        elif match["language"] == language:
            found.append((title, match["text"]))
    return found


def tables():
    """The document's CREATE TABLE statements, parsed, by the tables' names."""
    created = [sqlglot.parse_one(text, read="athena") for _, text in blocks("sql") if text.startswith("CREATE")]
    return {statement.this.this.name: statement for statement in created}


def queries():
    """The document's SELECT statements, by the headings above them."""
    return {title: text for title, text in blocks("sql") if text.startswith("SELECT")}


def columns(table):
    """The columns of a table, without those that it is partitioned by."""
    return [column.name for column in tables()[table].this.expressions]


def partitions(table):
    """The columns that a table is partitioned by."""
    [partitioned] = tables()[table].find_all(expressions.PartitionedByProperty)
    return [column.name for column in partitioned.this.expressions]


def properties(table):
    """The properties of a table and of its SerDe."""
    found = tables()[table].find_all(expressions.Property)
    values = {one.name: one.args.get("value") for one in found}
    return {name: value.name for name, value in values.items() if isinstance(value, expressions.Literal)}


def parse(lines):
    """Lines of the access log as rows of the table, by column. None stands for a line that does not match."""
    pattern = re.compile(properties("access_log")["input.regex"])
    matches = [pattern.fullmatch(line) for line in lines]
    return [match and dict(zip(columns("access_log"), match.groups(), strict=True)) for match in matches]


def day_of(row):
    """The partition that S3 puts a line into: YYYY/MM/DD of the request."""
    day, month, year = row["requestdatetime"].split(":")[0].split("/")
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    return f"{year}/{months.index(month) + 1:02}/{day}"


def run(query, access_log, links_signed=()):
    """Run a query of the document on lines of the access log, and on lines of the function's log, parsed from JSON."""
    connection = duckdb.connect()
    rows = [{**row, "day": day_of(row)} for row in parse(access_log)]
    _fill(connection, "access_log", [*columns("access_log"), *partitions("access_log")], rows)
    _fill(connection, "links_signed", columns("links_signed"), links_signed)
    [translated] = sqlglot.transpile(query, read="athena", write="duckdb")
    answer = connection.execute(translated)
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _fill(connection, table, names, rows):
    declared = ", ".join(f'"{name}" VARCHAR' for name in names)
    connection.execute(f"CREATE TABLE {table} ({declared})")
    for row in rows:
        values = [row.get(name) for name in names]
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", values)
