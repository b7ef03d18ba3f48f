path "$a$$b${c}$" {}
