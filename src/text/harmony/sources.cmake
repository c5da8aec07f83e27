# The harmony format's part of hearth_text; paths are relative to src/text.
set(HARMONY_SOURCES
  harmony/conversation.cc
  harmony/parse.cc
  harmony/render.cc
  harmony/tokens.cc
  harmony/typescript.cc)
set(HARMONY_TEST_SOURCES
  harmony/parse_test.cc
  harmony/render_test.cc)
