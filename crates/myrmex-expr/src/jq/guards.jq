# Definitions that stand before those of jaq's standard library: they look at what comes in before jaq does, or mend it.

def null: [][0];

def until(cond; update): def rec: _step | if cond then . else update | rec end; rec;
def while(cond; update): def rec: _step | if cond then ., (update | rec) else empty end; rec;

def contains($x): _product($x) | _contains($x);
def indices($x): _product($x) | _indices($x);
def has($key): _key($key) | _has($key);
def implode: _codes | _implode;

def matches($re; $flags): _regex($re; $flags) | _matches($re; $flags);
def split_($re; $flags): _regex($re; $flags) | _split_($re; $flags);
def split_matches($re; $flags): _regex($re; $flags) | _split_matches($re; $flags);

def gmtime: _time | _gmtime;
def mktime: _time | _mktime;
def todateiso8601: _time | _todateiso8601;
def strftime($format): _time | _format($format) | _strftime($format);
def strptime($format): _format($format) | _strptime($format);

# jaq's own cannot go through null.
def _put($path; $x):
  if $path == [] then $x
  else $path[0] as $key
    | if . == null then (if $key | . > true and . < "" then [] else {} end) else . end
    | if . >= [] and . < {} and $key == length then . + [null | _put($path[1:]; $x)]
      else .[$key] |= _put($path[1:]; $x) end
  end;
def setpath($path; $x): _put($path; $x);

# jaq's own prints null.
def join($separator):
  reduce .[] as $x (null;
    (if . == null then "" else . + $separator end)
    + ($x | if . == null then "" elif . >= [] then error("only texts, numbers and booleans can be joined") else "\(.)" end))
  | if . == null then "" else . end;
