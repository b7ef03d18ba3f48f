path "${\q}" {}
