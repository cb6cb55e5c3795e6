"""What a parameter allows, declared once beside it: ``queries: Annotated[int, Range(at_least=1)]``, or ``Count``.

It is checked wherever such a type is read: parameters of plug-ins, training settings, keys of experiment files; and
``robustrank describe`` shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from robustrank.errors import RobustrankError
from robustrank.text.languages import language_of

LARGEST = 10**9  # of a number whose other end is not given


@dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that a parameter allows; an end that is not given is at plus or minus 1,000,000,000.

    Neither nan nor infinity is a number, nor is ``true`` the number 1.

    Attributes:
        at_least, above: The lower end, allowed or not.
        at_most, below: The upper end, allowed or not.
    """

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    @property
    def low(self) -> float:
        """The lower end."""
        return next((end for end in (self.at_least, self.above) if end is not None), -LARGEST)

    @property
    def high(self) -> float:
        """The upper end."""
        return next((end for end in (self.at_most, self.below) if end is not None), LARGEST)

    def __contains__(self, number: float) -> bool:
        """Return whether a number is allowed; nan never is."""
        low = self.low < number if self.above is not None else self.low <= number
        return low and (number < self.high if self.below is not None else number <= self.high)

    def __str__(self) -> str:
        """The range in words, as "1 to 100" or "above 0, at most 1"."""
        if self.above is None and self.below is None:
            return f"{self.low:,} to {self.high:,}"
        low = f"above {self.low:,}" if self.above is not None else f"at least {self.low:,}"
        return f"{low}, below {self.high:,}" if self.below is not None else f"{low}, at most {self.high:,}"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Return the schema of the number with this check around it."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(value: Any, read: Any) -> Any:
            number = value if isinstance(value, bool) else read(value)
            if isinstance(number, bool) or number not in self:
                raise PydanticCustomError("range", "it must be {range}", {"range": str(self)})
            return number

        return core_schema.no_info_wrap_validator_function(check, handler(source))


@dataclass(frozen=True)
class Distinct:
    """Of a list: it has one item or more, and none twice."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Return the schema of the list with this check behind it."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(items: Any) -> Any:
            if not items:
                raise PydanticCustomError("empty", "at least one is needed")
            repeated = next((item for item in items if items.count(item) > 1), None)
            if repeated is not None:
                raise PydanticCustomError("repeated", "duplicate {item}", {"item": repr(repeated)})
            return items

        return core_schema.no_info_after_validator_function(check, handler(source))


@dataclass(frozen=True)
class Checked:
    """Of a value: a function accepts it.

    Attributes:
        function: Raises ValueError or a RobustrankError for what is not allowed.
        allowed: What is, in words.
    """

    function: Callable[[Any], object]
    allowed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Return the schema of the value with this check behind it."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(value: Any) -> Any:
            try:
                self.function(value)
            except (ValueError, RobustrankError) as error:
                reason = error.what if isinstance(error, RobustrankError) else str(error)
                raise PydanticCustomError("checked", "{reason}", {"reason": reason}) from error
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))


Item = TypeVar("Item")
Several = Annotated[tuple[Item, ...], Distinct()]

# What parameters have most often.
WholeNumber = Annotated[int, Range()]
Count = Annotated[int, Range(at_least=1)]
Amount = Annotated[int, Range(at_least=0)]  # a count that may be 0
Tokens = Annotated[int, Range(at_least=8)]  # that a model reads at once: special tokens and some of the text
Number = Annotated[float, Range()]
Positive = Annotated[float, Range(above=0)]
Weight = Annotated[float, Range(at_least=0)]
Cosine = Annotated[float, Range(at_least=-1, at_most=1)]
Share = Annotated[float, Range(at_least=0, at_most=1)]
SomeShare = Annotated[float, Range(above=0, at_most=1)]
InnerShare = Annotated[float, Range(above=0, below=1)]  # neither none nor all
LanguageCode = Annotated[str, Checked(language_of, "a language code, see docs/languages.md")]
