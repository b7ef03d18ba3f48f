path "a" {} {
