"""Middle floor: images with ground truth, and how an encoder is scored on them.

``TASKS`` says where each of the paper's twelve tasks lives: "module:Class", by the task's name, in
the order of the LD reference. ``EXTRAS`` are tasks that it ships but does not score: they can be
run by name, and no table of the twelve counts them. ``LANDMARKS`` are tasks of another family,
points to be found from one annotated image: they have a table of their own.
"""

TASKS: dict[str, str] = {
    "idrid_optic_disc": "tasks.idrid:IdridOpticDisc",
    "rite_vessel": "tasks.rite:RiteVessel",
    "drishti_optic_cup": "tasks.drishti:DrishtiOpticCup",
    "drishti_optic_disc": "tasks.drishti:DrishtiOpticDisc",
    "stare_vessel": "tasks.stare:StareVessel",
    "idrid_hard_exudates": "tasks.idrid:IdridHardExudates",
    "chasedb1_vessel": "tasks.chasedb1:ChaseDb1Vessel",
    "hrf_vessel": "tasks.hrf:HrfVessel",
    "siim_pneumothorax": "tasks.siim:SiimPneumothorax",
    "scr_heart": "tasks.scr:ScrHeart",
    "scr_lung": "tasks.scr:ScrLung",
    "scr_clavicle": "tasks.scr:ScrClavicle",
}

EXTRAS: dict[str, str] = {
    "extra_idrid_microaneurysms": "tasks.idrid:ExtraIdridMicroaneurysms",
    "extra_idrid_haemorrhages": "tasks.idrid:ExtraIdridHaemorrhages",
    "extra_idrid_soft_exudates": "tasks.idrid:ExtraIdridSoftExudates",
}

LANDMARKS: dict[str, str] = {
    "idrid_disc_center": "tasks.landmarks.idrid:IdridDiscCenter",
    "idrid_fovea_center": "tasks.landmarks.idrid:IdridFoveaCenter",
    "hrf_disc_center": "tasks.landmarks.hrf:HrfDiscCenter",
    "scr_heart_center": "tasks.landmarks.scr:ScrHeartCenter",
}
