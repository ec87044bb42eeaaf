"""Script: the page's own hand-written script; it draws time series and reads values off them, nothing else.

It fetches nothing and keeps nothing but the reader's choice of theme. Every chart shares one time range, so
zooming into a fall on the equity chart shows what was traded, owned and risked in it.
"""

from qt_ray.monitoring.tearsheet.script_charts import CHARTS, DRAWING
from qt_ray.monitoring.tearsheet.script_hands import FINISH, HANDS, READING
from qt_ray.monitoring.tearsheet.script_scales import FORMATS, SCALES

START = """
const chooser = document.getElementById("symbol"), plots = $("[data-chart]");
"""

PARTS = (FORMATS, START, SCALES, CHARTS, DRAWING, READING, HANDS, FINISH)
SCRIPT = '(()=>{"use strict";' + "".join(PARTS) + "})();"
