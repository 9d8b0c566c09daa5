#!/bin/sh
# astropy 8.0.2 writes infinities into a VOTable in a spelling that STILTS 3.4.7 (and TOPCAT of the same libraries) reads as blank.
#
# Guess: an infinite signal-to-noise ratio goes through a VOTable as it is.
# Seen:  astropy writes +InF and -InF, which STILTS takes for no numbers: `tpipe` shows a blank without a word, `votlint` an error.
#        +Inf and Infinity it reads as what they are, and NaN is understood by both.
# So:    make infinities NaN before writing, or use another format (FITS keeps them).
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
import numpy as np
from astropy.table import Table

print("astropy", astropy.__version__)
Table({"snr": [np.inf, -np.inf, 1.5]}).write(
    "snr.vot", format="votable", tabledata_format="tabledata"
)
PYTHON
stilts -version | grep -i 'stilts version'
echo "written:"; grep '<TD>' snr.vot
echo "read:"; stilts tpipe in=snr.vot ofmt=csv | tee read.csv
stilts votlint snr.vot 2>&1 | tee lint.txt || true
grep -q '+InF' snr.vot || { echo "astropy writes it otherwise now"; exit 1; }
[ "$(sed -n 2p read.csv | tr -d '"')" = "" ] || { echo "STILTS reads it now"; exit 1; }
grep -q "Bad double string" lint.txt || { echo "votlint does not complain any more"; exit 1; }
