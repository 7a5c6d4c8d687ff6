"""Golden frames: every message that a host or a board says, as it goes over the line.

They were made with the byte-by-byte COBS and the bit-by-bit CRC of test_framing.py, which a
test holds them to, and are for other implementations too.
"""

from __future__ import annotations

import numpy as np

from odl.core.events import (
    AddClass,
    ChangeClass,
    Dropped,
    Gap,
    Label,
    Learned,
    Prediction,
    Query,
    Samples,
    Split,
    Teach,
    Truth,
    Undo,
    Why,
)
from odl.wire import (
    Compact,
    Configure,
    Data,
    Description,
    Held,
    Hello,
    Info,
    Install,
    Message,
    Read,
    Ready,
    Refusal,
    Refused,
    Remember,
    Status,
    Upload,
)

# What a host says: frames 65530 and on, which go on with 0 after 65535, at time 0.
HOST: list[tuple[Message, str]] = [
    (
        Hello(major=2, minor=0),
        "0003faff010101030302059787eaf300",
    ),
    (
        Configure(
            rule=5,
            in_samples=0,
            hold=1,
            keep=0,
            batch=2,
            step=4,
            change=983,
            floor=4000,
            allowed=20,
            period=0,
            horizon=300,
            every=3000,
            session=77,
            issued=3,
            patience=3000,
            seed=2**63,
            position=640,
            scaling=((16384, 21, 0), (2**31 - 1, 60, -3)),
        ),
        "0003fbff0101010305050201080204d703a00f14010101010101032c010103b80b01024d01010203010103b80b010101"
        "01010101010101010104808002010101010102020240010215010cffffff7f3cfdff7ceb5aa000",
    ),
    (
        Read(area=0, offset=20000, size=256),
        "0003fcff010101020603204e01010601e4e2bbfe00",
    ),
    (
        Upload(offset=1024, data=b"ODLM"),
        "0003fdff010101020c02040102040101094f444c4d4762ecd000",
    ),
    (
        Install(size=26822, image=0xDEADBEEF),
        "0003feff010101040dc6680109efbeaddeb2cd328300",
    ),
    (
        Compact(),
        "0003ffff010101060e8513260c00",
    ),
    (
        Samples(64, np.array([[1, -1, 256], [-32768, 32767, 0]], np.int16)),
        "0001010101010103104001010101010103030103ffff02010480ff7f01051d1938c500",
    ),
    (
        Samples(1, np.zeros((0, 6), np.int16)),
        "0002010101010103100101010101010106065aea659b00",
    ),
    (
        Gap(start=128, lost=50, why="unplugged"),
        "0002020101010103118001010101010102320101010101010f09756e706c756767656403ab859b00",
    ),
    (
        Gap(start=128, lost=0, why=""),
        "00020301010101031180010101010101010101010101010101051942a28000",
    ),
    (
        Label(at=700, window=640, cls=4),
        "000204010101010412bc02010101010103800201010101010604928d6b5300",
    ),
    (
        Label(at=700, window=640, cls=None),
        "000205010101010412bc020101010101038002010101010106ff21c321f800",
    ),
    (
        Undo(at=258),
        "000206010101010413020101010101010568a5368400",
    ),
    (
        AddClass(at=9, cls=7, name="walk up", head=1),
        "000207010101010314090101010101010f07010777616c6b2075707ab856ba00",
    ),
    (
        AddClass(at=9, cls=0, name="Übung", head=0),
        "0002080101010103140901010101010101010c06c39c62756e678d4d963e00",
    ),
    (
        Split(at=10, leaf=7, head=2),
        "0002090101010103150a010101010101070702cb7a95c100",
    ),
    (
        Truth(start=0, end=2**64 - 1, name="rest"),
        "00020a0101010102160101010101010112ffffffffffffffff0472657374da7f1f9500",
    ),
    (
        Teach(at=700, cls=4),
        "00020b010101010419bc0201010101010604273ac38600",
    ),
    (
        ChangeClass(at=700, cls=4, into=None, name="up"),
        "00020c01010101041abc0201010101010a04ff0275701d27b89300",
    ),
    (
        Remember(data=b"\x05\x00"),
        "00020d01010101030f0201010205055b03af8e00",
    ),
]

# What a board says: its frames 300 and on, a millisecond apart.
BOARD: list[tuple[Message, str]] = [
    (
        Info(
            major=2,
            minor=0,
            channels=6,
            window=128,
            hop=64,
            frame=768,
            rate_mhz=50000,
            image=0xDEADBEEF,
            image_size=26822,
            image_room=131072,
            state=20008,
            log=26624,
            session=77,
            frames=300,
            position=4096,
            version="odl 0.2.0",
        ),
        "00032c01010101030402030680024001040350c30107efbeaddec668010101020203284e0101026801024d0101032c01"
        "0101021001010101010f096f646c20302e322e308c2e8cea00",
    ),
    (
        Status(session=77, frames=301, dropped=5, damaged=1, missed=2**32 - 1, position=4096),
        "00052d01e80301030b4d0101032d0101020501010201010105ffffffff021001010101010593dc0a0e00",
    ),
    (
        Data(area=0, offset=20000, data=b"\x01\x02\x00", reply=258),
        "00052e01d00701020703204e010402010301010301020582c87c5400",
    ),
    (
        Data(area=1, offset=0, data=b"", reply=65535),
        "00052f01b80b0103070101010103ffff01010105ffd330d000",
    ),
    (
        Ready(position=640, room=768, reply=258),
        "00053001a00f010408800201010101010108030201b945863f00",
    ),
    (
        Refused(message=16, why=Refusal.ORDER, reply=65535),
        "000531018813010a091007ffff05eb78a400",
    ),
    (
        Refused(message=0, why=Refusal.DAMAGED, reply=0),
        "00053201701701020902030105c00fc87d00",
    ),
    (
        Description(board={"name": "x"}, model={}),
        "00053301581b01030a0c01010e7b226e616d65223a2278227d020101077b7d8ba0ef6700",
    ),
    (
        Samples(64, np.array([[1, -1, 256], [-32768, 32767, 0]], np.int16)),
        "00053401401f0103104001010101010103030103ffff02010480ff7f01050aab15fe00",
    ),
    (
        Samples(1, np.zeros((0, 6), np.int16)),
        "00053501282301031001010101010101060603793ef700",
    ),
    (
        Gap(start=128, lost=50, why="unplugged"),
        "0005360110270103118001010101010102320101010101010f09756e706c7567676564deb33dba00",
    ),
    (
        Gap(start=128, lost=0, why=""),
        "00053701f82a01031180010101010101010101010101010101058c061cb800",
    ),
    (
        Label(at=700, window=640, cls=4),
        "00053801e02e010412bc02010101010103800201010101010604439d95bb00",
    ),
    (
        Label(at=700, window=640, cls=None),
        "00053901c832010412bc020101010101038002010101010106ff1278ec5d00",
    ),
    (
        Undo(at=258),
        "00053a01b0360104130201010101010105f7176ccc00",
    ),
    (
        AddClass(at=9, cls=7, name="walk up", head=1),
        "00053b01983a010314090101010101010f07010777616c6b207570abadd8b800",
    ),
    (
        AddClass(at=9, cls=0, name="Übung", head=0),
        "00053c01803e0103140901010101010101010c06c39c62756e670ac2500d00",
    ),
    (
        Split(at=10, leaf=7, head=2),
        "00053d0168420103150a0101010101010707022add670800",
    ),
    (
        Prediction(window=64, path=(2, 9), scores=(0, 16384, 32768), held=5),
        "00053e01504601032040010101010101060502020903010102400680b63c854b00",
    ),
    (
        Prediction(window=0, path=(), scores=(), held=None),
        "00053f01384a0102200101010101010102ff01059c7771ec00",
    ),
    (
        Query(window=640, utility=65535, expires=1140, since=64),
        "00054001204e0104218002010101010105ffff740401010101010240010101010101053a98a7c500",
    ),
    (
        Learned(at=700, window=640, cls=4, head=1),
        "000541010852010422bc0201010101010380020101010101070401ebccffa700",
    ),
    (
        Dropped(at=700, window=2**64 - 1, why=Why.NOTHING_TO_UNDO),
        "00054201f055010423bc0201010101010effffffffffffffff07e34af1c900",
    ),
    (
        Teach(at=700, cls=4),
        "00054301d859010419bc0201010101010604aa8f6b7b00",
    ),
    (
        ChangeClass(at=700, cls=4, into=2, name="up"),
        "00054401c05d01041abc0201010101010a0402027570e1d63ad400",
    ),
    (
        Held(),
        "00054501a861010630982217a500",
    ),
]
