"""Middle floor: images with ground truth, and how an encoder is scored on them.

``TASKS`` says where each task lives: "module:Class", by the task's name.
"""

TASKS: dict[str, str] = {
    "idrid_optic_disc": "tasks.idrid:IdridOpticDisc",
    "idrid_hard_exudates": "tasks.idrid:IdridHardExudates",
    "chasedb1_vessel": "tasks.chasedb1:ChaseDb1Vessel",
    "hrf_vessel": "tasks.hrf:HrfVessel",
    "scr_lung": "tasks.scr:ScrLung",
}

#: Runnable like the others, but outside the paper's twelve.
EXTRAS: dict[str, str] = {}
