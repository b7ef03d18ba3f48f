# a
// b
/* c
 d */ path /* e */ "a" /**/ { # f
  capabilities /***/ = /* g */ [ # h
    "read" /* i */, // j
  ]
} # k