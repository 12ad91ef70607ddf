"""Several processors, graphics cards or machines at one run, through Lightning Fabric.

Every process takes batches of its own and all step by the mean of their gradients (DDP). On one
machine Fabric starts the other processes itself; on several, the same command is run on each, with
NODE_RANK, MASTER_ADDR and MASTER_PORT set, or by torchrun or SLURM, which set them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from clapsep_desktop.errors import DataError, DeviceError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
}


def fabric(
    precision: str = "float32",
    *,
    accelerator: str = "auto",
    devices: int = 1,
    nodes: int = 1,
) -> Fabric:
    """What places a run on its devices; `Fabric.launch` then starts the other processes.

    Args:
        precision: a key of `PRECISIONS`; weights stay in float32.
        accelerator: "auto", "cpu", "cuda" or "mps".
        devices: processes on each machine; one for each graphics card.
        nodes: machines.

    Raises:
        DataError: the package lightning-fabric is not installed.
        DeviceError: there is no such device, or not so many.
    """
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.utilities.exceptions import MisconfigurationException
    except ImportError as error:
        raise DataError(
            "Training needs the package lightning-fabric: pip install 'clapsep-desktop[train]'."
        ) from error
    several = devices * nodes > 1
    try:
        return Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if several else "auto",
            precision=PRECISIONS[precision],
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise DeviceError(f"This run cannot be placed here: {error}") from error
