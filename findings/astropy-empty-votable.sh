#!/bin/sh
# astropy 8.0.2 writes a table without rows as a VOTable that STILTS 3.4.7 calls one without a table.
#
# Guess: a selection that happens to hold nothing is a table of no rows for whoever reads it.
# Seen:  TABLE comes without DATA, which the standard allows for tables that only describe columns; `stilts tpipe` ends with
#        "No TABLE element found", and texts have arraysize="1".
# So:    put an empty TABLEDATA into DATA, and arraysize="*" at texts, before others read it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check astropy==8.0.2 numpy==2.4.6 2>/dev/null

# Debian's STILTS (starlink-ttools-java) with the Java libraries that it names, unpacked here; Java itself has to be on the machine.
command -v java >/dev/null || { echo "this needs Java (default-jre-headless)"; exit 1; }
chmod 755 "$folder" && mkdir "$folder/packages" && cd "$folder/packages"
libraries=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    starlink-ttools-java | grep '^[a-z]' | grep -E 'java' | grep -vE 'jre|openjdk|^java-' | sort -u)
apt-get download -qq $libraries starlink-ttools-java=3.4.7-4 2>/dev/null
for package in *.deb; do dpkg -x "$package" "$folder/root"; done
classes=$(find "$folder/root/usr/share/java" -name '*.jar' | paste -sd:)
stilts() { java -cp "$classes" uk.ac.starlink.ttools.Stilts "$@"; }

cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import astropy
from astropy.table import Table

print("astropy", astropy.__version__)
Table(names=("identifier", "ra"), dtype=("str", "f8")).write("empty.vot", format="votable")
PYTHON
stilts -version | grep -i 'stilts version'
grep -E 'FIELD|<DATA' empty.vot
if stilts tpipe in=empty.vot ofmt=csv >said.txt 2>&1; then
    cat said.txt
    echo "it is read as a table now"
    exit 1
fi
head -1 said.txt
grep -q "No TABLE element found" said.txt || { echo "STILTS says something else now"; exit 1; }
if grep -q '<DATA' empty.vot; then echo "astropy writes DATA now"; exit 1; fi
