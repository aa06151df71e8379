"""`make`: an environment from a scenario's id and knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from goldenrule.envs.dialogue import DialogueEnv, ParallelDialogueEnv
from goldenrule.envs.registry import OPTIONS, spec


@overload
def make(scenario_id: str, *, api: Literal["aec"] = "aec", **options: Any) -> DialogueEnv: ...
@overload
def make(scenario_id: str, *, api: Literal["parallel"], **options: Any) -> ParallelDialogueEnv: ...
def make(
    scenario_id: str, *, api: Literal["aec", "parallel"] = "aec", **options: Any
) -> DialogueEnv | ParallelDialogueEnv:
    """Make the environment of a registered scenario.

    Args:
        scenario_id: versioned id, e.g. `hidden_needs-v0`.
        api: `aec` (turn by turn) or `parallel`.
        options: knobs of the scenario, and of the environment: `max_cycles`, `mode` (`text` or `choice`),
            `private` (actions may name addressees), `max_length` (characters a message), `render_mode`; `language`
            (`phrases` or `open`), `pay` (`tag` or `text`) and `reader` (a `Reader` or its name).

    Raises:
        ValueError: unknown scenario, API or knob, or a value out of range.
    """
    env_options = {name: options.pop(name) for name in OPTIONS if name in options}
    if api not in ("aec", "parallel"):
        raise ValueError(f"api {api!r} is unknown; expected 'aec' or 'parallel'")
    scenario = spec(scenario_id).build(**options)
    maker = DialogueEnv if api == "aec" else ParallelDialogueEnv
    return maker(scenario, scenario_id, **env_options)


def make_wrapped(scenario_id: str, **options: Any) -> AECEnv[str, Any, Any]:
    """The AEC environment with PettingZoo's check of the order of calls."""
    return OrderEnforcingWrapper(make(scenario_id, **options))


@dataclass(frozen=True, slots=True)
class EnvModule:
    """PettingZoo's module style for one scenario: `hidden_needs_v0.env()`, `.parallel_env()`, `.raw_env()`."""

    scenario_id: str

    def raw_env(self, **options: Any) -> DialogueEnv:
        """The bare AEC environment."""
        return make(self.scenario_id, **options)

    def env(self, **options: Any) -> AECEnv[str, Any, Any]:
        """The AEC environment with PettingZoo's check of the order of calls."""
        return make_wrapped(self.scenario_id, **options)

    def parallel_env(self, **options: Any) -> ParallelDialogueEnv:
        """The native Parallel environment."""
        return make(self.scenario_id, api="parallel", **options)
