#!/bin/sh
# STILTS 3.4.7 cannot read a CSV file of a header alone, a table of no rows.
#
# Guess: it is a table without rows, as the same table in VOTable, FITS and ECSV is.
# Seen:  an error of the program itself (java.lang.NegativeArraySizeException: -1) and no table.
# So:    give a list that may be empty in another format, or count its rows first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

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
stilts -version | grep -i 'stilts version'
printf 'identifier,ra,dec\n' >empty.csv
if stilts tpipe in=empty.csv ofmt=csv >said.txt 2>&1; then
    cat said.txt
    echo "it reads the table now"
    exit 1
fi
head -1 said.txt
grep -q NegativeArraySizeException said.txt || { echo "it says something else now"; exit 1; }
