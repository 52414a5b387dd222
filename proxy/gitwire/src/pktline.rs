//! Lines of the wire: one pkt-line at a time.
