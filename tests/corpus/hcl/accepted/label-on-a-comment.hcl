path "a" { comment "x" {} }
