enum RP {}
