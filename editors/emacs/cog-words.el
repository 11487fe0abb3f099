;;; cog-words.el --- words of the cog language, made by `make schemas`  -*- lexical-binding: t -*-

(defconst cog-keywords
  '("import" "type" "const" "model" "mcp" "program" "coglet" "mixin" "agent" "team" "dod" "plan" "sett" "queue" "test" "scenario" "export" "listen" "transmit" "enact" "state" "create" "link" "supervise" "on" "every" "after" "parallel" "let" "guide" "stop" "restart" "escalate" "log" "fail" "if" "for" "try" "await" "use" "crash" "hang" "duplicate" "drop" "kill" "advance" "run" "expect" "send" "script" "explore" "live" "when" "by" "concurrent" "timeout" "debounce" "throttle" "distinct" "batch" "and" "or" "not" "in" "is" "else" "expr" "until")
  "The keywords of the cog language.")

(defconst cog-constants
  '("true" "false" "null")
  "The constants of the cog language.")

(defconst cog-types
  '("any" "bool" "content" "document" "duration" "float" "image" "int" "map" "string" "time")
  "The types of the cog language.")

(defconst cog-functions
  '("abs" "contains" "count" "file" "first" "float" "has" "int" "join" "json" "keys" "last" "len" "lower" "max" "min" "now" "random" "range" "remove" "replace" "round" "sort_by" "sorted" "split" "starts_with" "str" "sum" "take" "unique" "upper" "uuid" "values")
  "The functions of the cog language.")

(provide 'cog-words)
;;; cog-words.el ends here
