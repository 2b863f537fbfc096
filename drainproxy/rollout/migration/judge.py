"""The phase of one statement, given those before it.

What removes is looked for anywhere in the tree; what adds or moves data must consist of listed
parts only; and no word outside quotes may be one that such a statement does not need. Each check
can only make the answer stricter.
"""

import re

from . import grammar, tree
from .additive import additive
from .contracts import contract_reason
from .harmless import adding, is_neutral
from .index_options import without_options
from .judgement import PhaseJudgement, contract, expand, unknown
from .lexer import Dialect, Statement
from .made import Made
from .names import words
from .references import reference_problem


class StatementJudge:
    """Judges the statements of one file, in their order."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._made = Made(dialect)

    def judge(self, statement: Statement) -> PhaseJudgement | None:
        """Its phase; None if it changes nothing by itself."""
        if not statement.unsure:
            if grammar.NEUTRAL.fullmatch(_normal(statement.bare)) or is_neutral(
                statement, self._dialect
            ):
                return None
            if reason := adding(statement, self._dialect):
                return expand(reason)
        statement = without_options(statement, self._dialect)
        parsed = self._parsed(statement)
        if isinstance(parsed, PhaseJudgement):
            self._made.forget()
            return parsed
        try:
            return self._of_tree(parsed, statement)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            # A tree has the shape that its text gives it: text that is wrong, any shape.
            self._made.forget()
            return unknown(f"sqlglot's tree of it is not understood: {error}"[:200])

    def _parsed(self, statement: Statement) -> tree.Node | PhaseJudgement:
        if statement.unsure:
            return unknown(f"it cannot be read surely: {statement.unsure}")
        first = (words(statement.bare) or [""])[0]
        if first in grammar.CONTRACT_WORDS and statement.bare.upper().startswith(first):
            return contract(grammar.CONTRACT_WORDS[first])
        parsed = tree.parse(statement.sql, self._dialect)
        return unknown(parsed) if isinstance(parsed, str) else parsed

    def _of_tree(self, parsed: tree.Node, statement: Statement) -> PhaseJudgement:
        reason = contract_reason(parsed, self._made)
        judgement = contract(reason) if reason else additive(parsed, statement, self._made)
        if not judgement.is_additive:
            self._made.forget()
            return judgement
        self._made.remember(parsed)
        # All else of it is understood, so what it has made stays known to the statements behind it.
        problem = reference_problem(parsed, self._made)
        return unknown(problem) if problem else judgement


def _normal(bare: str) -> str:
    return re.sub(r"\s+", " ", bare).strip().upper()
