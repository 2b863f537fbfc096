"""Whether a command migrates a database, by what it runs.

It runs a tool of the table if the tool's name is a word of it, behind whatever starts it
(`bundle exec`, `env`, `npx`, an entrypoint), and a phrase of the table follows. Any other program
migrates if its own name, or the first thing that it is asked for, is made of nothing but words of
migrating (`bin/db-migrate`, `npm run migrate:prod`, `superset db upgrade`). A name that only holds
such a word (`migrate-users-report`) says nothing, nor does the noun alone (`worker migrations`).
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Final, Literal

from .commands import Run, runs
from .inventory import Inventory
from .place import Object
from .tools import ASKING, TOOLS, Phrase


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What a name of migrating is made of, beside a word that begins with "migrat".
_PARTS: Final = _words(
    "all and alembic apply auto data database databases db deploy django do drizzle ecto exec"
    " execute head init job knex latest mysql on only orm pg post postgres pre prisma prod"
    " production release run runner schema script seed sequelize sql start startup task typeorm up"
)
_NOUNS: Final = frozenset(("migration", "migrations"))
_MIGRATING: Final = _NOUNS | {"migrate", "migrates", "migrator"}
# With one of these a noun of migrating is an order: `migration:run`, `kong migrations up`.
_DOING: Final = _words(
    "apply deploy exec execute forward forwards latest migrate run runner start startup up upgrade"
)
_SPLIT: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LONGEST_NAME: Final = 100
_LONGEST_WORD: Final = 1000
# What is said to a tool is short. Some phrases take the square of the length of a word.
_LONGEST_SAID: Final = 200
# As many as commands have that somebody wrote. What stands behind each of these is read anew.
_MOST_WORDS: Final = 500
_MOST_TOOLS: Final = 8
_MOST_ENDS: Final = 4
# `prisma@5`, `goose@latest`, `knex.js`, `efbundle.exe`.
_VERSION: Final = re.compile(r"(?<=.)@[\w.^~-]+$")
_PROGRAM: Final = re.compile(r"\.(?:jar|exe|cmd|bat|phar|sh|bash|[mc]?js|ts|php)$")
_SCRIPT: Final = re.compile(r"\.(?:exe|sh|bash|py|rb|[mc]?[jt]s|php|pl|exs|jar|dll)$|\(.*\)$")
_BLANK: Final = re.compile(r"\s")
_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*=")
_OPTION: Final = re.compile(r"[-+].*")
_TIME: Final = re.compile(r"[\d.]+[smh]?")

# They start what stands behind them.
_STARTERS: Final = _words(
    "! do else env eval exec if nice nohup sudo then time timeout until while bundle poetry pipenv"
    " pdm hatch rye uv uvx tool run npx pnpx bunx dlx tini dumb-init catatonit launcher gosu"
    " su-exec setpriv xvfb-run dotenv doppler"
)
_ENTRYPOINT: Final = re.compile(r"(?:.*[._-])?entry-?point(?:[._-].*)?")
_INTERPRETER: Final = re.compile(
    r"(?:python|pypy|php|ruby|perl|go|node|nodejs|deno|bun|java|dotnet|tsx|ts-node|sh|bash|ash)[\d.]*"
)
# They run a task that a file of the project names.
_RUNNERS: Final = _words(
    "npm pnpm yarn bun make just task composer turbo nx lerna rake rails invoke inv"
)
_ASIDE: Final = _words("run run-script exec eval rpc task tasks workspace")
# They may name a tool, or what they move is no database, and run none.
_IDLE: Final = _words(
    "[ [[ apk apt apt-get awk brew cat cd chmod chown cmp command cp curl cut dd df diff dig"
    " dnf drill du echo egrep etcdctl export false fgrep file find flake8 git grep gsutil"
    " gunzip gzip head jq kill less ln logger ls man mkdir mktemp mongodump mongoexport"
    " mongoimport mongorestore mongosh mount mv mypy mysqldump nc ncat nslookup openssl pct"
    " pg_basebackup pg_dump pg_dumpall pg_isready pg_restore ping ping6 pip pip3 printf psql"
    " py.test pytest qm rclone read redis-cli restic rm rmdir rsync ruff s3cmd scp sed set"
    " sha256sum sleep socat sort source sqlfluff sqlite3 squawk stat tail tar tee telnet test"
    " touch tr tree true umount unset unzip valkey-cli velero virsh virtctl wait wc wget"
    " which xl yamllint yq yum zip"
)
# What they run stands behind `--`.
_REMOTE: Final = _words("drainproxy kubectl oc helm flux argocd wait-for wait-for-it k8s-wait-for")
_FETCHING: Final = _words("install add get ci i download pull build uninstall remove")
# Asked for this it looks, writes a file, or goes the other way.
_LOOKS: Final = _words(
    "check create current diff down drop generate gen help history info lint list ls make new"
    " pending plan print redo reset revert rollback show status undo validate verify"
    " version"
)
_SHOWS: Final = _words(
    "--help -help --version -version --dry-run --dryrun --check --list --plan --status"
)
# `server --migrate=false`, `server --migrate none`
_OFF: Final = _words(
    "false f 0 n no none null off never skip skipped disable disabled manual manually"
)
# What they call migrating changes the files of a workspace.
_OF_WORKSPACES: Final = _words("nx storybook sb")
# What Python may be told to run (`python -c TEXT`): commands of Alembic, Flask-Migrate and Django,
# as functions.
_PYTHON: Final = re.compile(r"(?:python|pypy)[\d.]*")
_CALLS: Final = re.compile(
    r"\balembic\.command\.upgrade\(|\bcommand\.upgrade\(|\bflask_migrate\.upgrade\("
    r"|\bcall_command\(\s*['\"]migrate['\"]"
    r"|\bexecute_from_command_line\(\s*\[[^\]]{0,200}['\"]migrate['\"]"
)
# `superset db upgrade`
_GENERAL: Final = ((re.compile("db|database|schema"), re.compile("migrate|upgrade")),)
# `shop migrate --check`, `airflow db check-migrations`
_ANY_ASKS: Final = (
    (re.compile("migrate|migrations?"), re.compile("--check|status|pending")),
    (re.compile("migrate:status|db:migrate:status|check-migrations"),),
)

Way = Literal["on", "back"]


def migrates(each: Object, inventory: Inventory) -> str | None:
    """What a container of it runs that migrates a database; None if none does."""
    return next(filter(None, map(_in_run, runs(each, inventory))), None)


def unread(each: Object, inventory: Inventory) -> str:
    """What of its commands is not looked at, in words; empty if all is."""
    return next(filter(None, (run.unread for run in runs(each, inventory))), "")


def _in_run(run: Run) -> str | None:
    found = (migrating(each, run.program if each is run.words else "") for each in run.commands)
    return next(filter(None, found), None)


def migrating(words: list[str], image: str = "") -> str | None:
    """What of a simple command migrates a database, in its words; None if nothing does. `image`:
    the name of the image, where its own program is given the words."""
    words = words[:_MOST_WORDS]
    given = [image, *words] if image else words
    if found := _by_tool(given, "on"):
        return found
    if _program(image) in (_IDLE | _REMOTE):
        words, image = given, ""
    if image and (asked := _asked_for(given) or _told_to(given)):
        return asked
    if _head(words) in _IDLE:
        return None
    behind = (words[at + 1 :] for at, word in enumerate(words) if word == "--")
    return next(filter(None, map(_by_name, (words, *islice(behind, _MOST_ENDS)))), None)


def taking_back(words: list[str]) -> str | None:
    """What of a simple command takes a schema back or away, in its words; None if nothing does."""
    return _by_tool(words[:_MOST_WORDS], "back")


def asking(words: list[str]) -> str | None:
    """What of a simple command compares the schema with the code, in its words; None if nothing
    does."""
    words = words[:_MOST_WORDS]
    for at in _programs(words):
        name = _program(words[at])
        found = _phrase(ASKING.get(name, ()), _short(words[at + 1 :]))
        if found is not None:
            return " ".join([name, *found])
    start = _start(words)
    found = _phrase(_ANY_ASKS, _short(words[start + 1 :]))
    return " ".join([_program(words[start]), *found]) if found else None


def _by_tool(words: list[str], way: Way) -> str | None:
    for at in _programs(words):
        name = _program(words[at])
        rest = _short(words[at + 1 :])
        tool = TOOLS[name]
        options = {each.partition("=")[0] for each in rest if each != "--dry-run=false"}
        if (_SHOWS | tool.shows) & options:
            continue
        found = _phrase(tool.on if way == "on" else tool.back, [*rest, ""])
        if found is not None:
            return " ".join([name, *filter(None, found)])
    return None


def _short(words: list[str]) -> list[str]:
    return [each for each in words if len(each) <= _LONGEST_SAID]


def _programs(words: list[str]) -> Iterator[int]:
    """Where the first tools of the table stand in a command that runs something."""
    start = _start(words)
    if (head := _head(words)) in _REMOTE:
        start = words.index("--") if "--" in words else len(words)
    elif head in _IDLE:
        return
    ended = next((at for at in range(start, len(words)) if words[at] in _FETCHING), len(words))
    tools = (at for at in range(start, ended) if _program(words[at]) in TOOLS)
    yield from islice(tools, _MOST_TOOLS)


def _phrase(phrases: tuple[Phrase, ...], rest: list[str]) -> list[str] | None:
    """The words of the first of these phrases that is said."""
    for phrase in phrases:
        for at in range(len(rest) - len(phrase) + 1):
            words = rest[at : at + len(phrase)]
            if all(pattern.fullmatch(word) for pattern, word in zip(phrase, words, strict=True)):
                return words
    return None


def _by_name(words: list[str]) -> str | None:
    """The program if its name says that it migrates, or what it is asked for if that does."""
    command = words[_start(words) :]
    if command and _INTERPRETER.fullmatch(_program(command[0])):
        if called := _called(command):
            return called
        command = _interpreted(command[1:])
    if not command or not _goes_on(command[1:]):
        return None
    name = _program(command[0])
    if name in _OF_WORKSPACES and "migrate" in command[1:2]:
        return None
    # What is called as a tool of the table is, and asked for nothing, is a script of that name.
    is_script = name not in TOOLS or not _bare(command[1:], doubtful=True)
    if is_script and _is_migrating(command[0]):
        return command[0]
    return _asked_for(command) or _told_to(command)


def _told_to(command: list[str]) -> str | None:
    """An option of a program that has it migrate as it starts (`server --migrate`, `server
    --mode=migrate`)."""
    for word, following in pairwise([*command[1:], ""]):
        option, given, value = word.partition("=")
        if not _OPTION.fullmatch(option) or (value if given else following).lower() in _OFF:
            continue
        for said, shown in ((option, option), (value, word)):
            # Others may say where migrations are.
            if _is_migrating(said) and _parts(said) & {"migrate", "run"} and "/" not in said:
                return f"{_program(command[0])} {shown}"
    return None


def _asked_for(command: list[str]) -> str | None:
    """What a program is asked for first, with its name."""
    name = _program(command[0])
    if name in TOOLS or name in _IDLE or name in _REMOTE or not _goes_on(command[1:]):
        return None
    asked = _bare(command[1:], doubtful=name in _RUNNERS)
    for word in asked:
        if _is_migrating(word) and (name in _RUNNERS or _is_order(word, command)):
            return f"{name} {word}"
    found = _phrase(_GENERAL, command[1:])
    return " ".join([name, *found]) if found and found[0] in asked else None


def _is_order(asked: str, command: list[str]) -> bool:
    """Whether a name of migrating says to do it, alone or with a word behind it: `migrations` may
    be a queue, a table or a folder. The task of a runner is an order whatever its name."""
    parts = _parts(asked)
    behind = command[command.index(asked, 1) + 1 :]
    return not parts & _NOUNS or bool((parts | {*behind}) & _DOING)


def _goes_on(rest: list[str]) -> bool:
    options = {each for each in rest if each.startswith("-")}
    return not _SHOWS & options and not _LOOKS & {*rest}


def _start(words: list[str]) -> int:
    """Where the program stands that a command runs in the end, behind what only starts it."""
    for at, word in enumerate(words):
        name = _program(word)
        if not (
            name in _STARTERS
            or _ENTRYPOINT.fullmatch(name)
            or _OPTION.fullmatch(word)
            or _ASSIGNED.match(word)
            or _TIME.fullmatch(word)
        ):
            return at
    return len(words)


def _head(words: list[str]) -> str:
    """The name of that program; nothing if there is none."""
    start = _start(words)
    return _program(words[start]) if start < len(words) else ""


def _called(command: list[str]) -> str | None:
    """The function that migrates which a text for Python calls, with the interpreter's name."""
    name = _program(command[0])
    texts = (text for flag, text in pairwise(command) if flag == "-c")
    text = next(texts, "") if _PYTHON.fullmatch(name) else ""
    called = _CALLS.search(text)
    return f"{name} {called[0].partition('(')[0]}" if called else None


def _interpreted(rest: list[str]) -> list[str]:
    """The script of an interpreter, and what is given to it."""
    for flag in ("-m", "-jar"):
        if flag in rest:
            return rest[rest.index(flag) + 1 :]
    bare = _bare(rest, doubtful=False) or _bare(rest, doubtful=True)
    return rest[rest.index(bare[-1]) :] if bare else []


def _bare(rest: list[str], *, doubtful: bool) -> list[str]:
    """The first word that is neither an option nor may be the value of one; with those that may
    be where doubtful ones are wanted too."""
    found: list[str] = []
    before = ""
    for word in rest:
        takes = (before.startswith("-") and "=" not in before) or before == "workspace"
        before = word
        if word in _ASIDE or _OPTION.fullmatch(word):
            continue
        if not takes:
            return [*found, word]
        if doubtful:
            found.append(word)
    return found


def _is_migrating(word: str) -> bool:
    """Whether a name is made of words of migrating alone: that of a script, a task, a module
    (`shop.db.migrate`), a function (`Shop.Release.migrate()`)."""
    if len(word) > _LONGEST_NAME or _BLANK.search(word):
        return False
    name = _SCRIPT.sub("", word.rpartition("/")[2])
    if "." in name and name.partition(".")[0] != "db":
        name = name.rpartition(".")[2]
    parts = _parts(name)
    return bool(parts & _MIGRATING) and parts <= (_PARTS | _MIGRATING)


def _parts(name: str) -> set[str]:
    return {each.lower() for each in _SPLIT.findall(name)}


def _program(word: str) -> str:
    """The name of a program without its path, version and ending; nothing for a text."""
    if len(word) > _LONGEST_WORD or _BLANK.search(word):
        return ""
    return _PROGRAM.sub("", _VERSION.sub("", word.rpartition("/")[2]))
