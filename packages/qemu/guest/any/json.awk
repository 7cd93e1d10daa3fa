# Prints every value of a JSON text as its path, a tab and the value; lines that begin with "#" are passed over.
/^#/ { next }
{ text = text $0 "\n" }
END { at = 1; value("") }

function skip() { while (at <= length(text) && index(" \t\r\n", substr(text, at, 1)) > 0) at++ }

function string(   out, c) {
  if (substr(text, at, 1) != "\"") exit 1
  at++
  while ((c = substr(text, at, 1)) != "\"") {
    if (c == "") exit 1
    if (c == "\\") {
      at++
      c = substr(text, at, 1)
      if (c == "n" || c == "t" || c == "r") c = " "
    }
    out = out c
    at++
  }
  at++
  return out
}

function next_one() {
  skip()
  if (substr(text, at, 1) == ",") { at++; skip() }
}

function value(path,   c, count, key) {
  skip()
  c = substr(text, at, 1)
  if (c == "{") {
    at++
    skip()
    while (substr(text, at, 1) != "}") {
      key = string()
      skip()
      at++
      value(path "/" key)
      next_one()
    }
    at++
  } else if (c == "[") {
    at++
    skip()
    count = 0
    while (substr(text, at, 1) != "]") {
      value(path "/" count)
      count++
      next_one()
    }
    at++
  } else if (c == "\"") {
    print path "\t" string()
  } else {
    match(substr(text, at), /^[-+.a-zA-Z0-9]+/)
    if (RLENGTH < 1) exit 1
    print path "\t" substr(text, at, RLENGTH)
    at += RLENGTH
  }
}
