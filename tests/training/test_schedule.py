from __future__ import annotations

from dataclasses import replace

import pytest

from clapsep_desktop.training.config import PlateauConfig, TrainingConfig
from clapsep_desktop.training.schedule import Plateau, planned


def test_the_plan_warms_up_stays_and_falls():
    config = TrainingConfig(steps=100, warmup=10, decay=20)
    values = [planned(config, step) for step in range(101)]
    assert values[0] == pytest.approx(0.1)
    assert values[9:81] == pytest.approx([1.0] * 72)
    assert values[90] == pytest.approx(0.5)
    assert values[100] == 0.0


def test_with_the_plateau_only_the_warm_up_is_planned():
    config = TrainingConfig(steps=100, warmup=10, decay=20, schedule="plateau", validate_steps=5)
    assert [planned(config, step) for step in (4, 9, 50, 99)] == pytest.approx([0.5, 1, 1, 1])
    with pytest.raises(ValueError, match="validate_steps"):
        replace(config, validate_steps=0)


def test_the_rate_falls_after_the_patience_and_not_below_the_floor():
    plateau = Plateau(PlateauConfig(factor=0.3, patience=2, floor=0.05))
    fractions = []
    for value in (1.0, 2.0, 2.0, 1.5, 1.9, 2.5, 1, 1, 1, 1, 1, 1, 1, 1, 1):
        plateau.see(value)
        fractions.append(plateau.fraction)
    assert fractions == pytest.approx([1.0] * 4 + [0.3] * 4 + [0.09] * 3 + [0.05] * 4)


def test_a_plateau_goes_on_where_it_was():
    values = [1.0, 0.5, 0.4, 2.0, 1.0, 1.0, 1.0]
    whole, first, second = (Plateau(PlateauConfig(patience=1)) for _ in range(3))
    for value in values:
        whole.see(value)
    for value in values[:3]:
        first.see(value)
    second.load_state_dict(first.state_dict())
    for value in values[3:]:
        second.see(value)
    assert second.state_dict() == whole.state_dict()
