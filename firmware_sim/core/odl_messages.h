/* Written by firmware_sim/headers.py; do not edit. */

#ifndef ODL_MESSAGES_H
#define ODL_MESSAGES_H

#define ODL_PROTOCOL_MAJOR 2
#define ODL_PROTOCOL_MINOR 0

/* A message is its type byte, then its fields; a field's number is its offset from the
   type byte, FIXED that of the first field of variable size, or the whole length. */
#define ODL_MSG_START 1
#define ODL_START_CONFIG 1 /* json */
#define ODL_START_FIXED 1

#define ODL_MSG_END 2
#define ODL_END_POSITION 1 /* u64 */
#define ODL_END_FIXED 9

#define ODL_MSG_HELLO 3
#define ODL_HELLO_MAJOR 1 /* u8 */
#define ODL_HELLO_MINOR 2 /* u8 */
#define ODL_HELLO_FIXED 3

#define ODL_MSG_INFO 4
#define ODL_INFO_MAJOR 1 /* u8 */
#define ODL_INFO_MINOR 2 /* u8 */
#define ODL_INFO_CHANNELS 3 /* u8 */
#define ODL_INFO_WINDOW 4 /* u16 */
#define ODL_INFO_HOP 6 /* u16 */
#define ODL_INFO_FRAME 8 /* u16 */
#define ODL_INFO_RATE_MHZ 10 /* u32 */
#define ODL_INFO_IMAGE 14 /* u32 */
#define ODL_INFO_IMAGE_SIZE 18 /* u32 */
#define ODL_INFO_IMAGE_ROOM 22 /* u32 */
#define ODL_INFO_STATE 26 /* u32 */
#define ODL_INFO_LOG 30 /* u32 */
#define ODL_INFO_SESSION 34 /* u32 */
#define ODL_INFO_FRAMES 38 /* u32 */
#define ODL_INFO_POSITION 42 /* u64 */
#define ODL_INFO_VERSION 50 /* text */
#define ODL_INFO_FIXED 50

#define ODL_MSG_CONFIGURE 5
#define ODL_CONFIGURE_RULE 1 /* u8 */
#define ODL_CONFIGURE_IN_SAMPLES 2 /* u8 */
#define ODL_CONFIGURE_HOLD 3 /* u8 */
#define ODL_CONFIGURE_KEEP 4 /* u8 */
#define ODL_CONFIGURE_BATCH 5 /* u8 */
#define ODL_CONFIGURE_STEP 6 /* u8 */
#define ODL_CONFIGURE_CHANGE 7 /* u16 */
#define ODL_CONFIGURE_FLOOR 9 /* u16 */
#define ODL_CONFIGURE_ALLOWED 11 /* u32 */
#define ODL_CONFIGURE_PERIOD 15 /* u32 */
#define ODL_CONFIGURE_HORIZON 19 /* u32 */
#define ODL_CONFIGURE_EVERY 23 /* u32 */
#define ODL_CONFIGURE_SESSION 27 /* u32 */
#define ODL_CONFIGURE_ISSUED 31 /* u32 */
#define ODL_CONFIGURE_PATIENCE 35 /* u64 */
#define ODL_CONFIGURE_SEED 43 /* u64 */
#define ODL_CONFIGURE_POSITION 51 /* u64 */
#define ODL_CONFIGURE_SCALING 59 /* scaling */
#define ODL_CONFIGURE_FIXED 59

#define ODL_MSG_READ 6
#define ODL_READ_AREA 1 /* u8 */
#define ODL_READ_OFFSET 2 /* u32 */
#define ODL_READ_SIZE 6 /* u16 */
#define ODL_READ_FIXED 8

#define ODL_MSG_DATA 7
#define ODL_DATA_AREA 1 /* u8 */
#define ODL_DATA_OFFSET 2 /* u32 */
#define ODL_DATA_REPLY 6 /* u16 */
#define ODL_DATA_DATA 8 /* blob */
#define ODL_DATA_FIXED 8

#define ODL_MSG_READY 8
#define ODL_READY_POSITION 1 /* u64 */
#define ODL_READY_ROOM 9 /* u16 */
#define ODL_READY_REPLY 11 /* u16 */
#define ODL_READY_FIXED 13

#define ODL_MSG_REFUSED 9
#define ODL_REFUSED_MESSAGE 1 /* u8 */
#define ODL_REFUSED_WHY 2 /* refusal */
#define ODL_REFUSED_REPLY 3 /* u16 */
#define ODL_REFUSED_FIXED 5

#define ODL_MSG_DESCRIPTION 10
#define ODL_DESCRIPTION_BOARD 1 /* json */
#define ODL_DESCRIPTION_FIXED 1

#define ODL_MSG_STATUS 11
#define ODL_STATUS_SESSION 1 /* u32 */
#define ODL_STATUS_FRAMES 5 /* u32 */
#define ODL_STATUS_DROPPED 9 /* u32 */
#define ODL_STATUS_DAMAGED 13 /* u32 */
#define ODL_STATUS_MISSED 17 /* u32 */
#define ODL_STATUS_POSITION 21 /* u64 */
#define ODL_STATUS_FIXED 29

#define ODL_MSG_UPLOAD 12
#define ODL_UPLOAD_OFFSET 1 /* u32 */
#define ODL_UPLOAD_DATA 5 /* blob */
#define ODL_UPLOAD_FIXED 5

#define ODL_MSG_INSTALL 13
#define ODL_INSTALL_SIZE 1 /* u32 */
#define ODL_INSTALL_IMAGE 5 /* u32 */
#define ODL_INSTALL_FIXED 9

#define ODL_MSG_COMPACT 14
#define ODL_COMPACT_FIXED 1

#define ODL_MSG_REMEMBER 15
#define ODL_REMEMBER_DATA 1 /* blob */
#define ODL_REMEMBER_FIXED 1

#define ODL_MSG_SAMPLES 16
#define ODL_SAMPLES_START 1 /* u64 */
#define ODL_SAMPLES_BLOCK 9 /* block */
#define ODL_SAMPLES_FIXED 9

#define ODL_MSG_GAP 17
#define ODL_GAP_START 1 /* u64 */
#define ODL_GAP_LOST 9 /* u64 */
#define ODL_GAP_WHY 17 /* text */
#define ODL_GAP_FIXED 17

#define ODL_MSG_LABEL 18
#define ODL_LABEL_AT 1 /* u64 */
#define ODL_LABEL_WINDOW 9 /* u64 */
#define ODL_LABEL_CLS 17 /* opt */
#define ODL_LABEL_FIXED 18

#define ODL_MSG_UNDO 19
#define ODL_UNDO_AT 1 /* u64 */
#define ODL_UNDO_FIXED 9

#define ODL_MSG_ADD_CLASS 20
#define ODL_ADD_CLASS_AT 1 /* u64 */
#define ODL_ADD_CLASS_CLS 9 /* id */
#define ODL_ADD_CLASS_HEAD 10 /* u8 */
#define ODL_ADD_CLASS_NAME 11 /* name */
#define ODL_ADD_CLASS_FIXED 11

#define ODL_MSG_SPLIT 21
#define ODL_SPLIT_AT 1 /* u64 */
#define ODL_SPLIT_LEAF 9 /* id */
#define ODL_SPLIT_HEAD 10 /* u8 */
#define ODL_SPLIT_FIXED 11

#define ODL_MSG_TRUTH 22
#define ODL_TRUTH_START 1 /* u64 */
#define ODL_TRUTH_END 9 /* u64 */
#define ODL_TRUTH_NAME 17 /* name */
#define ODL_TRUTH_FIXED 17

#define ODL_MSG_ORIGIN 23
#define ODL_ORIGIN_AT 1 /* u64 */
#define ODL_ORIGIN_TOOK 9 /* u32 */
#define ODL_ORIGIN_CLOCK 13 /* u64 */
#define ODL_ORIGIN_BY 21 /* text */
#define ODL_ORIGIN_FIXED 21

#define ODL_MSG_ADOPT 24
#define ODL_ADOPT_START 1 /* u64 */
#define ODL_ADOPT_LOST 9 /* u64 */
#define ODL_ADOPT_STATE 17 /* blob */
#define ODL_ADOPT_FIXED 17

#define ODL_MSG_TEACH 25
#define ODL_TEACH_AT 1 /* u64 */
#define ODL_TEACH_CLS 9 /* id */
#define ODL_TEACH_FIXED 10

#define ODL_MSG_CHANGE_CLASS 26
#define ODL_CHANGE_CLASS_AT 1 /* u64 */
#define ODL_CHANGE_CLASS_CLS 9 /* id */
#define ODL_CHANGE_CLASS_INTO 10 /* opt */
#define ODL_CHANGE_CLASS_NAME 11 /* name */
#define ODL_CHANGE_CLASS_FIXED 11

#define ODL_MSG_PREDICTION 32
#define ODL_PREDICTION_WINDOW 1 /* u64 */
#define ODL_PREDICTION_HELD 9 /* opt */
#define ODL_PREDICTION_PATH 10 /* ids */
#define ODL_PREDICTION_FIXED 10

#define ODL_MSG_QUERY 33
#define ODL_QUERY_WINDOW 1 /* u64 */
#define ODL_QUERY_UTILITY 9 /* u16 */
#define ODL_QUERY_EXPIRES 11 /* u64 */
#define ODL_QUERY_SINCE 19 /* u64 */
#define ODL_QUERY_FIXED 27

#define ODL_MSG_LEARNED 34
#define ODL_LEARNED_AT 1 /* u64 */
#define ODL_LEARNED_WINDOW 9 /* u64 */
#define ODL_LEARNED_CLS 17 /* id */
#define ODL_LEARNED_HEAD 18 /* u8 */
#define ODL_LEARNED_FIXED 19

#define ODL_MSG_DROPPED 35
#define ODL_DROPPED_AT 1 /* u64 */
#define ODL_DROPPED_WINDOW 9 /* u64 */
#define ODL_DROPPED_WHY 17 /* why */
#define ODL_DROPPED_FIXED 18

#define ODL_MSG_HELD 48
#define ODL_HELD_FIXED 1

enum {
    ODL_WHY_EXPIRED = 1,
    ODL_WHY_LATE = 2,
    ODL_WHY_REPEATED = 3,
    ODL_WHY_UNKNOWN = 4,
    ODL_WHY_NO_SUCH_CLASS = 5,
    ODL_WHY_FULL = 6,
    ODL_WHY_NOTHING_TO_UNDO = 7,
    ODL_WHY_SKIPPED = 8
};

enum {
    ODL_REFUSAL_VERSION = 1,
    ODL_REFUSAL_HELLO = 2,
    ODL_REFUSAL_DAMAGED = 3,
    ODL_REFUSAL_MESSAGE = 4,
    ODL_REFUSAL_SETTINGS = 5,
    ODL_REFUSAL_CONFIGURE = 6,
    ODL_REFUSAL_ORDER = 7,
    ODL_REFUSAL_PLACE = 8,
    ODL_REFUSAL_STORE = 9,
    ODL_REFUSAL_IMAGE = 10
};

enum {
    ODL_AREA_STATE = 0,
    ODL_AREA_IMAGE = 1,
    ODL_AREA_BRIEF = 2
};

#endif
