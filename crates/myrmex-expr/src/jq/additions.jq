# What jq has and jaq has not. They stand after jaq's standard library.

def toarray: if isarray then . else [.] end;
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def leaf_paths: paths(scalars);
def ascii: [.] | implode;
def date: todate;
def dateadd(unit; $n): . + $n;
def datesub(unit; $n): . - $n;

def IN(candidates): any(candidates == .; .);
def IN(source; candidates): any(source == candidates; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);

def tostream:
  path(def rec: (.[]? | rec), .; rec) as $path
  | getpath($path) | reduce path(.[]?) as $last ([$path, .]; [$path + $last]);
def fromstream(stream):
  {x: null, e: false} as $init
  | foreach stream as $event ($init;
      if .e then $init else . end
      | if $event | length == 2 then .e = ($event[0] | length == 0) | .x |= _put($event[0]; $event[1])
        else .e = ($event[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream):
  . as $depth | null | stream | . as $event
  | if ($event[0] | length) > $depth then [$event[0][$depth:]] + $event[1:] else empty end;

def _cells(f): if isarray then map(f) else error("a row is an array") end;
def @csv:
  _cells(
    if isstring then "\"" + (. / "\"" | join("\"\"")) + "\""
    elif . >= [] then error("a cell is a text, a number, a boolean or null")
    elif . == null then "" else tojson end)
  | join(",");
def @tsv:
  _cells(
    if isstring then . / "\\" | join("\\\\") | . / "\t" | join("\\t") | . / "\n" | join("\\n") | . / "\r" | join("\\r")
    elif . >= [] then error("a cell is a text, a number, a boolean or null")
    elif . == null then "" else tojson end)
  | join("\t");
