"""Where ``scenarios.environment`` finds what it fills in for the doctor. Pure."""

from __future__ import annotations

from scenarios.doctor.facts import Requirement as Requirement
