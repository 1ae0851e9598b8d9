import Foundation
import Testing

@testable import Demonstrations

@Suite struct HDF5ReaderTests {
  static let files = ["earliest", "v108", "latest", "block"]

  private func reader(_ name: String) throws -> HDF5Reader {
    try HDF5Reader(path: layouts.appendingPathComponent("\(name).hdf5").path)
  }

  /// What `make_layouts.py` writes into every field.
  private func expected(_ range: Range<Int>) -> [Int64] { range.map { Int64((7 * $0 + 3) % 120) } }

  @Test(arguments: files) func readsEveryLayout(name: String) throws {
    let file = try reader(name)
    let shapes = [
      "contiguous": [5, 3], "compact": [4, 4], "early": [9, 5], "whole_chunk": [8, 6], "whole_chunk_gzip": [8, 6],
      "rows": [70, 6, 6], "tiles": [23, 7, 6],
      "shuffled": [300], "summed": [31, 3], "growing": [70, 5], "growing_gzip": [70, 5], "growing_both": [40, 5],
      "pages": [1100], "shrunk": [10, 4],
      "big_endian": [12], "short": [12], "soft": [70, 6, 6], "beside": [6, 2],
    ]
    for (name, shape) in shapes {
      let field = try file.field("good/\(name)")
      #expect(field.shape == shape, "\(name)")
      #expect(try file.integers(field) == expected(0..<shape.reduce(1, *)), "\(name)")
    }
    for name in ["big_endian_float", "double"] {
      #expect(try file.numbers(file.field("good/\(name)")) == expected(0..<12).map(Double.init), "\(name)")
    }
  }

  @Test(arguments: files) func readsSomeRows(name: String) throws {
    let file = try reader(name)
    for (name, rows, width) in [
      ("tiles", 3..<21, 42), ("tiles", 9..<10, 42), ("rows", 60..<70, 36), ("growing", 5..<6, 5), ("summed", 0..<0, 3),
      ("contiguous", 1..<4, 3),
    ] {
      let bytes = try file.bytes(file.field("good/\(name)"), rows: rows)
      #expect(bytes.map(Int64.init) == expected(rows.lowerBound * width..<rows.upperBound * width), "\(name)")
      #expect(try file.floats(file.field("good/\(name)"), rows: rows) == bytes.map(Float.init), "\(name)")
    }
  }

  @Test(arguments: files) func readsLargeGroupsAndAttributes(name: String) throws {
    let file = try reader(name)
    for index in 0..<60 { #expect(try file.integers(file.field("many/field_\(index)")) == expected(0..<index + 1)) }
    #expect(try file.unsignedAttribute("number_17", of: "many") == 17)
    #expect(try file.unsignedAttribute("seed", of: "many") == .max)
    #expect(try file.unsignedAttribute("other", of: "many") == nil)
    #expect(
      try file.rootAttributes == [
        "text": "a string of any length", "fixed": "a string of its length", "number": 7, "real": 0.5,
      ])
    #expect(throws: DemonstrationError.missingField(file: file.path, field: "many/none")) {
      try file.field("many/none/deeper")
    }
  }

  /// The HDF5 library reads zeros wherever values are missing.
  @Test(arguments: files) func refusesWhatHasNoValues(name: String) throws {
    let file = try reader(name), path = file.path
    for name in ["holes", "never", "never_chunked"] {
      #expect(throws: DemonstrationError.incompleteField(file: path, field: "bad/\(name)")) {
        try file.field("bad/\(name)")
      }
    }
    for (name, other) in [
      ("virtual", "gone.hdf5"), ("external", "gone.raw"), ("link_gone", "gone.hdf5"), ("link_above", "../other.hdf5"),
    ] {
      #expect(
        throws: DemonstrationError.storedElsewhere(file: path, field: "bad/\(name)", other: other, isThere: false)
      ) { try file.field("bad/\(name)") }
    }
    #expect(
      throws: DemonstrationError.unsupportedField(
        file: path, field: "bad/virtual_here", reason: "is a view of other fields (virtual): copy their values into one"
      )
    ) {
      try file.field("bad/virtual_here")
    }
    #expect(throws: DemonstrationError.damagedField(file: path, field: "bad/loop")) { try file.field("bad/loop") }
    #expect {
      try file.field("bad/lzf")
    } throws: { error in
      guard case .unsupportedField(path, "bad/lzf", let reason) = error as? DemonstrationError else { return false }
      return reason.contains("filter 32000 ('lzf')")
    }
    #expect(
      throws: DemonstrationError.wrongType(
        file: path, field: "bad/complex", found: "neither numbers nor lists", expected: "numbers")
    ) {
      try file.numbers(file.field("bad/complex"))
    }
  }

  @Test func writesAChecksumWithEveryChunk() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appendingPathComponent("a.hdf5").path
    let writer = try HDF5Writer(path: path)
    try writer.write((0..<200).map { UInt8($0) }, "bytes", shape: [50, 4], chunk: 8)
    try writer.write([1, 2, 3] as [Float], "floats", shape: [3, 1], chunk: 3)
    try writer.write([1, 2, 3] as [Int64], "integers")
    try writer.write([0.5] as [Double], "numbers")
    try writer.write([true, false], "flags")
    try writer.flush()
    withExtendedLifetime(writer) {}
    // Its lock went with it; a copy never had one.
    let copy = folder.url.appendingPathComponent("b.hdf5").path
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let file = try HDF5Reader(path: copy)
    for name in ["bytes", "floats", "integers", "numbers", "flags"] {
      #expect(try file.field(name).hasChecksums, "\(name)")
    }
    #expect(try file.bytes(file.field("bytes"), rows: 0..<50) == (0..<200).map { UInt8($0) })
  }

  @Test func refusesAFileThatIsBeingWritten() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appendingPathComponent("a.hdf5").path
    try FileManager.default.copyItem(atPath: layouts.appendingPathComponent("other.hdf5").path, toPath: path)
    let writing = open(path, O_RDWR)
    #expect(flock(writing, LOCK_EX) == 0)
    #expect(throws: DemonstrationError.beingWritten(file: path)) { try HDF5Reader(path: path) }
    close(writing)
    _ = try HDF5Reader(path: path)
  }

  @Test func keepsWritersOutAndOtherReadersNot() throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appendingPathComponent("a.hdf5").path
    try FileManager.default.copyItem(atPath: layouts.appendingPathComponent("other.hdf5").path, toPath: path)
    let writing = open(path, O_RDWR)
    defer { close(writing) }
    try withExtendedLifetime((HDF5Reader(path: path), HDF5Reader(path: path))) {
      #expect(flock(writing, LOCK_EX | LOCK_NB) != 0)
    }
    #expect(flock(writing, LOCK_EX | LOCK_NB) == 0)
  }

  @Test func readsChunksThatNoIndexNames() throws {
    let file = try reader("edges")
    #expect(try file.integers(file.field("early_growing")) == expected(0..<63))
    #expect(try file.integers(file.field("./here")) == expected(0..<63))
    #expect(try file.integers(file.field("early_bytes")) == expected(0..<12000))
  }

  @Test func readsNumbersOfAnySize() throws {
    let file = try reader("edges")
    #expect(try file.numbers(file.field("large")) == [0x1.8p63, 3])
    #expect(try file.floats(file.field("large"), rows: 0..<1) == [0x1.8p63])
    #expect(try file.unsignedAttribute("negative", of: "attributes") == nil)
  }

  @Test(arguments: ["few", "many"]) func readsAnAttributeWhateverTheOthersAre(name: String) throws {
    let file = try reader("edges")
    #expect(try file.unsignedAttribute("seed", of: "attributes/\(name)") == 7)
    for other in ["empty", "complex", "none"] {
      #expect(try file.unsignedAttribute(other, of: "attributes/\(name)") == nil)
    }
  }

  @Test func saysWhatCanBeDone() throws {
    let refused = { (name: String, error: (String) -> DemonstrationError, advice: String) in
      let error = error(layouts.appendingPathComponent("\(name).hdf5").path)
      #expect(throws: error) { try reader(name) }
      #expect(error.description.contains(advice))
    }
    refused("unclosed", { .beingWritten(file: $0) }, "h5clear -s")
    refused(
      "short-addresses",
      {
        .unsupportedField(
          file: $0, field: "/", reason: "has addresses or lengths of 4 bytes instead of 8: h5repack writes it anew")
      }, "h5repack")
  }

  @Test func readsWhereChunksAreOnceForAllRows() throws {
    let folder = try TemporaryFolder()
    let url = folder.url.appendingPathComponent("a.hdf5")
    var bytes = try Data(contentsOf: layouts.appendingPathComponent("earliest.hdf5"))
    try bytes.write(to: url)
    let file = try HDF5Reader(path: url.path)
    _ = try file.field("good/rows")
    while let tree = bytes.range(of: Data("TREE".utf8)) { bytes[tree.lowerBound] = 0 }
    let handle = try FileHandle(forWritingTo: url)
    try handle.write(contentsOf: bytes)
    try handle.close()
    #expect(try file.integers(file.field("good/rows")) == expected(0..<70 * 36))
    #expect(throws: DemonstrationError.damagedField(file: url.path, field: "good/tiles")) {
      try file.field("good/tiles")
    }
  }

  /// Otherwise a file would take memory as the square of its size.
  @Test func refusesStructuresThatOverlap() throws {
    let leaves = try reader("overlapping-leaves")
    #expect(throws: DemonstrationError.damagedField(file: leaves.path, field: "field")) { try leaves.field("field") }
    for name in ["overlapping-continuations", "overlapping-names"] {
      #expect(throws: DemonstrationError.damagedFile(file: layouts.appendingPathComponent("\(name).hdf5").path)) {
        try reader(name)
      }
    }
  }

  @Test(arguments: files) func refusesRowsThatAreNotThere(name: String) throws {
    let file = try reader(name)
    for (name, rows) in [("contiguous", 4..<6), ("compact", 0..<5), ("tiles", 20..<24), ("early", 9..<10)] {
      #expect(throws: DemonstrationError.damagedField(file: file.path, field: "good/\(name)")) {
        try file.bytes(file.field("good/\(name)"), rows: rows)
      }
    }
  }
}
