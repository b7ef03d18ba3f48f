"p\x61th" "a" { "capabilit\u0069es" = ["re\141d"] }
