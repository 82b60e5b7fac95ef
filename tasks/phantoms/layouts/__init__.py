"""Write phantoms in the layouts and file formats of the official archives.

Every image has a generator of its own, so that neither its neighbours nor the scale change it.
"""

from tasks.phantoms.layouts import (
    chasedb1,
    cxr8,
    drishti,
    eyepacs,
    hrf,
    idrid,
    jsrt,
    rite,
    siim,
    stare,
)
from tasks.phantoms.layouts.writing import Copy, Layout, Line, Request, write_tables

__all__ = ["LAYOUTS", "Copy", "Layout", "Line", "Request", "write_tables"]

write_idrid_segmentation = idrid.segmentation
write_idrid_grading = idrid.grading
write_rite = rite.layout
write_drishti = drishti.layout
write_stare = stare.layout
write_chasedb1 = chasedb1.layout
write_hrf = hrf.layout
write_siim = siim.layout
write_jsrt = jsrt.layout
write_eyepacs = eyepacs.layout
write_cxr8 = cxr8.layout

#: All of them; those of one folder belong to one data set. JSRT's comes with SCR's masks.
LAYOUTS: tuple[Layout, ...] = (
    write_idrid_segmentation,
    write_idrid_grading,
    write_rite,
    write_drishti,
    write_stare,
    write_chasedb1,
    write_hrf,
    write_siim,
    write_jsrt,
    write_eyepacs,
    write_cxr8,
)
