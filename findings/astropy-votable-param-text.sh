#!/bin/sh
# astropy 8.0.2: the text of a PARAM in a VOTable comes back as another one when it holds & or <.
#
# Guess: what is put into a PARAM, such as the name of a survey "R & D", is read again as it was, as with INFO.
# Seen:  it is escaped twice on writing, so that every reader of XML gets "R &amp; D". INFO is right.
# So:    put texts of users into INFO, or keep these signs out of PARAMs.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2 numpy==2.4.6 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from xml.etree import ElementTree

import astropy
from astropy.io.votable import from_table
from astropy.io.votable.tree import Info, Param
from astropy.table import Table

print("astropy", astropy.__version__)
given = "R & D <1>"
votable = from_table(Table({"a": [1]}))
resource = votable.resources[0]
resource.params.append(
    Param(votable, name="survey", datatype="char", arraysize="*", value=given)
)
resource.infos.append(Info(name="survey", value=given))
votable.to_xml("table.vot")
seen = {
    element.tag.rpartition("}")[2]: element.get("value")
    for element in ElementTree.parse("table.vot").iter()
    if element.get("name") == "survey"
}
print("given:", given)
for kind, value in seen.items():
    print(f"{kind}: {value}")
assert seen["INFO"] == given
assert seen["PARAM"] == "R &amp; D &lt;1&gt;", "a PARAM keeps its text now"
PYTHON
