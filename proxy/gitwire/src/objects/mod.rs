//! Git objects as borrowed, lenient views.
