"""What existing code changes in place at run time."""

object_exists_waiter_config: dict[str, int] = {"Delay": 0, "MaxAttempts": 5}
"""How an upload waits until the object can be seen: `MaxAttempts` looks, `Delay` seconds apart; no wait at `Delay` 0.

S3 itself needs no wait since December 2020 (it is strongly consistent); a server that is not may."""
