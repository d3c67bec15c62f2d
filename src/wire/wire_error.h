/* SPDX-License-Identifier: Apache-2.0 */
/* Every way in which incoming bytes can break the protocol, each with its own text. */
#ifndef MUV__WIRE_ERROR_H
#define MUV__WIRE_ERROR_H

#define MUV__WIRE_ERROR_MAP(X)                                                                     \
    X(LENGTH_NEGATIVE, "the message length is negative")                                           \
    X(LENGTH_SMALL, "the message length is smaller than its header")                               \
    X(LENGTH_LARGE, "the message length is larger than maxMessageSizeBytes")                       \
    X(OPCODE, "the message has an opcode other than OP_MSG")                                       \
    X(FLAGS, "the message has unknown required flag bits")                                         \
    X(SECTION_KIND, "the message has a section of unknown kind")                                   \
    X(SECTION_CUT, "the message ends inside a section")                                            \
    X(NO_BODY, "the message has no body section")                                                  \
    X(TWO_BODIES, "the message has more than one body section")                                    \
    X(DOCUMENT_LENGTH, "a document's length disagrees with its section")                           \
    X(SEQUENCE_LENGTH, "a document sequence's length disagrees with its message")                  \
    X(SEQUENCE_ID, "a document sequence's identifier does not end")                                \
    X(BSON, "a document is not valid BSON")                                                        \
    X(BSON_DEPTH, "a document is nested too deeply")                                               \
    X(CHECKSUM, "the message checksum is wrong")                                                   \
    X(RESPONSE_TO, "the reply answers another request")                                            \
    X(UNEXPECTED, "a message came that nobody asked for")                                          \
    X(MORE_TO_COME, "a reply announces more replies that were not asked for")                      \
    X(COMPRESSED_CUT, "a compressed message ends inside its header")                               \
    X(COMPRESSED_OPCODE, "a compressed message has an original opcode other than OP_MSG")          \
    X(COMPRESSED_TWICE, "a compressed message holds a compressed message")                         \
    X(COMPRESSED_SMALL, "a compressed message announces less than the smallest message")           \
    X(COMPRESSED_LARGE, "a compressed message announces more than maxMessageSizeBytes")            \
    X(COMPRESSOR, "a message is compressed in a way that was not offered")                         \
    X(COMPRESSED_DATA, "compressed data is not valid")                                             \
    X(COMPRESSED_WINDOW, "compressed data needs more memory than is granted")                      \
    X(COMPRESSED_SHORT, "compressed data holds less than its header announces")                    \
    X(COMPRESSED_LONG, "compressed data holds more than its header announces")                     \
    X(COMPRESSED_TRAILING, "bytes follow the compressed data of a message")                        \
    X(MEMORY, "out of memory for a reply")

#define MUV__WIRE_ERROR_CODE_(suffix, text) MUV__WIRE_##suffix,
typedef enum muv__wire_error {
    MUV__WIRE_NONE,
    MUV__WIRE_ERROR_MAP(MUV__WIRE_ERROR_CODE_) MUV__WIRE_ERROR_COUNT
} muv__wire_error_t;
#undef MUV__WIRE_ERROR_CODE_

/* Never NULL. */
const char *muv__wire_error_text(muv__wire_error_t error);

#endif
