{# x
"path": {}}