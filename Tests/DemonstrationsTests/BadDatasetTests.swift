import Foundation
import Spaces
import Testing

@testable import Demonstrations

@Suite struct BadDatasetTests {
  private let folder: TemporaryFolder
  private let path: String
  private var file: String { path + "/main_data.hdf5" }
  private var metadataFile: String { path + "/metadata.json" }

  init() throws {
    folder = try TemporaryFolder()
    path = folder.url.path
  }

  /// Writes a spoilt dataset and checks what opening it says.
  private func expect(_ error: DemonstrationError, _ spoil: (inout RawDataset) -> Void) throws {
    var dataset = RawDataset()
    spoil(&dataset)
    try dataset.write(in: folder.url)
    #expect(throws: error) { try Dataset(at: folder.url) }
    #expect(!error.description.contains("\n"))
  }

  @Test func opensWhatIsNotSpoilt() throws {
    try RawDataset().write(in: folder.url)
    #expect(try Dataset(at: folder.url).episodes[0].actions == [0, 1, 2, 0])
  }

  @Test func aFolderThatIsMissing() throws {
    #expect(throws: DemonstrationError.missing(path: path + "/none")) {
      try Dataset(at: folder.url.appendingPathComponent("none"))
    }
  }

  @Test func aFolderThatIsNoDataset() throws {
    #expect(throws: DemonstrationError.notADataset(path: path)) { try Dataset(at: folder.url) }
    try Data(#"{"data_format": "hdf5"}"#.utf8).write(to: URL(fileURLWithPath: metadataFile))
    #expect(throws: DemonstrationError.notADataset(path: path)) { try Dataset(at: folder.url) }
  }

  @Test(arguments: ["arrow", "parquet"]) func anotherFormat(format: String) throws {
    try Data(#"{"data_format": "\#(format)", "low": [-Infinity, NaN]}"#.utf8).write(
      to: URL(fileURLWithPath: metadataFile))
    #expect(throws: DemonstrationError.unsupportedFormat(file: metadataFile, format: format)) {
      try Dataset(at: folder.url)
    }
  }

  @Test func aFileThatIsNotHDF5() throws {
    try RawDataset().write(in: folder.url)
    try Data("hello".utf8).write(to: URL(fileURLWithPath: file))
    #expect(throws: DemonstrationError.notHDF5(file: file)) { try Dataset(at: folder.url) }
  }

  @Test func aFileThatIsCutOff() throws {
    try RawDataset().write(in: folder.url)
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    for share in [0.25, 0.5, 0.9] {
      try whole.prefix(Int(Double(whole.count) * share)).write(to: URL(fileURLWithPath: file))
      #expect(throws: DemonstrationError.damagedFile(file: file)) { try Dataset(at: folder.url) }
    }
  }

  @Test func framesThatCannotBeDecompressed() throws {
    var dataset = RawDataset()
    var generator = SystemRandomNumberGenerator()
    dataset.fields["episode_0/observations"] = .bytes(
      (0..<5 * 1024).map { _ in UInt8.random(in: 0...255, using: &generator) }, [5, 1, 32, 32])
    try dataset.write(in: folder.url)
    // Frames are by far the largest part: whatever is overwritten in the middle of the compressed stream is theirs.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    let streams = bytes.indices.dropLast(1).filter { bytes[$0] == 0x78 && bytes[$0 + 1] == 0x5e }  // zlib's first bytes
    for start in streams { bytes[start] = 0 }
    try bytes.write(to: URL(fileURLWithPath: file))
    #expect {
      _ = try Dataset(at: folder.url).frames(episode: 0)
    } throws: { error in
      guard case .damagedField(file, let field) = error as? DemonstrationError else { return false }
      return field.hasPrefix("episode_0/")
    }
  }

  @Test(arguments: [[1, 1, 32, 32], [5, 1, 16, 32], [5, 1, 32, 64]]) func aFileThatChangesWhileItIsRead(shape: [Int])
    throws
  {
    let dataset = try Dataset(at: folder.write([.labelled(0, steps: 4), .labelled(1, steps: 6)]))
    let file = dataset.path + "/data/main_data.hdf5"
    let extents = { (shape: [Int]) in
      shape.reduce(into: Data()) { data, length in
        withUnsafeBytes(of: UInt64(length).littleEndian) { data.append(contentsOf: $0) }
      }
    }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    let place = try #require(bytes.range(of: extents([5, 1, 32, 32])))
    bytes.replaceSubrange(place, with: extents(shape))
    try bytes.write(to: URL(fileURLWithPath: file))
    #expect { try dataset.frames(episode: 0) } throws: { error in
      switch error as? DemonstrationError {
      case .damagedField(file, let field), .incompleteField(file, let field): field == "episode_0/observations"
      default: false
      }
    }
  }

  /// Where the HDF5 library would read black frames and zeros.
  @Test func valuesThatAreNotThere() throws {
    let expect = { (dataset: String, error: (String) -> DemonstrationError) in
      let folder = layouts.appendingPathComponent(dataset)
      #expect(throws: error(folder.path + "/main_data.hdf5")) { try Dataset(at: folder) }
    }
    for name in ["observations", "actions", "rewards", "terminations"] {
      expect("unwritten-\(name)") { .incompleteField(file: $0, field: "episode_1/\(name)") }
    }
    expect("holes") { .incompleteField(file: $0, field: "episode_1/observations") }
    expect("virtual") {
      .storedElsewhere(file: $0, field: "episode_1/observations", other: "gone.hdf5", isThere: false)
    }
    expect("external") {
      .storedElsewhere(file: $0, field: "episode_1/observations", other: "gone.raw", isThere: false)
    }
    expect("one-episode-twice") {
      .unsupportedField(
        file: $0, field: "episode_1", reason: "is another name of an episode before it: copy that, or leave it out")
    }
    expect("many-steps") { .unsupportedField(file: $0, field: "episode_1/rewards", reason: Dataset.tooManySteps) }
    expect("link-gone") { .storedElsewhere(file: $0, field: "episode_1/rewards", other: "gone.hdf5", isThere: false) }
  }

  @Test func anHDF5FileOfAnotherKind() throws {
    try RawDataset().write(in: folder.url)
    try FileManager.default.removeItem(atPath: metadataFile)
    #expect(throws: DemonstrationError.notMinari(file: file)) { try Dataset(at: folder.url) }
  }

  @Test func metadataThatAreNoJSON() throws {
    try RawDataset().write(in: folder.url)
    try Data("{\"total_episodes\": 1,".utf8).write(to: URL(fileURLWithPath: metadataFile))
    #expect {
      try Dataset(at: folder.url)
    } throws: { error in
      guard case .unreadableMetadata(metadataFile, _) = error as? DemonstrationError else { return false }
      return true
    }
  }

  @Test func metadataThatAreNoText() throws {
    try RawDataset().write(in: folder.url)
    for bytes in [[0xfe, 0xff], [0x7b, 0xfe], Array(#"{"total_episodes": 1, "#.utf8) + [0xff, 0xff], [0xc3]]
      as [[UInt8]]
    {
      try Data(bytes).write(to: URL(fileURLWithPath: metadataFile))
      #expect(throws: DemonstrationError.unreadableMetadata(file: metadataFile, reason: "it is no UTF-8 text")) {
        try Dataset(at: folder.url)
      }
    }
  }

  @Test(arguments: ["metadata.json", "main_data.hdf5"]) func filesThatAreNone(name: String) throws {
    try RawDataset().write(in: folder.url)
    let place = folder.url.appending(path: name).path
    let refuses = { (kind: String) in
      let reason = "it is \(kind), not a file"
      #expect(
        throws: name == "metadata.json"
          ? DemonstrationError.unreadableMetadata(file: place, reason: reason)
          : .cannotRead(path: place, reason: reason)
      ) { try Dataset(at: self.folder.url) }
      try FileManager.default.removeItem(atPath: place)
    }
    try FileManager.default.removeItem(atPath: place)
    #expect(mkfifo(place, 0o600) == 0)
    try refuses("a pipe")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    try refuses("a folder")
    try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: "/dev/zero")
    try refuses("a device")
  }

  @Test(arguments: [("[", "]"), (#"{"a": "#, "}")]) func metadataThatAreNestedTooDeep(opening: String, closing: String)
    throws
  {
    let nested = { (depth: Int) in
      String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth)
    }
    let write = { (depth: Int) in
      var dataset = RawDataset()
      dataset.metadata["x"] = try JSONDecoder().decode(JSONValue.self, from: Data(nested(min(depth, 63)).utf8))
      try dataset.write(in: folder.url)
      let text = try String(contentsOfFile: metadataFile, encoding: .utf8)
      try text.dropLast().appending(#", "y": \#(nested(depth))}"#).write(
        toFile: metadataFile, atomically: false, encoding: .utf8)
    }
    try write(63)
    #expect(try Dataset(at: folder.url).episodes.count == 1)
    for depth in [64, 500] {
      try write(depth)
      #expect(
        throws: DemonstrationError.unreadableMetadata(file: metadataFile, reason: "it is nested more than 64 deep")
      ) { try Dataset(at: folder.url) }
    }
  }

  @Test func metadataThatLackSomething() throws {
    for field in ["total_episodes", "observation_space", "action_space"] {
      try expect(.missingField(file: metadataFile, field: field)) { $0.metadata[field] = nil }
    }
    try expect(.wrongCount(file: metadataFile, field: "total_episodes", found: 0, expected: 1)) {
      $0.metadata["total_episodes"] = 0
    }
    try expect(.unreadableMetadata(file: metadataFile, reason: "'total_episodes' is no whole number")) {
      $0.metadata["total_episodes"] = 1.5
    }
    for count in [2, 2_147_483_647, .max] {
      try expect(.missingField(file: file, field: "episode_1")) { $0.metadata["total_episodes"] = .integer(count) }
    }
  }

  @Test func noEpisodes() throws {
    try expect(.noEpisodes(file: file)) {
      $0.fields = [:]
      $0.metadata["total_episodes"] = 0
    }
  }

  /// Whatever else JSON5 has, of which some ends the process in Foundation's reader.
  @Test(arguments: [("0x10.4e-1", "x"), ("0X1", "X"), ("'1'", "'"), ("/* \" */ 0x1", "/")]) func whatIsNoJSON(
    number: String, found: String
  ) throws {
    try RawDataset().write(in: folder.url)
    try Data("{\"a 'x/\": 1, \"b\": \(number)}".utf8).write(to: folder.url.appendingPathComponent("metadata.json"))
    #expect(
      throws: DemonstrationError.unreadableMetadata(file: metadataFile, reason: "it has '\(found)' where JSON has none")
    ) { try Dataset(at: folder.url) }
  }

  @Test func anEpisodeThatLacksSomething() throws {
    for field in RawDataset().fields.keys {
      try expect(.missingField(file: file, field: field)) { $0.fields[field] = nil }
    }
  }

  @Test func anEpisodeWithoutSteps() throws {
    try expect(.emptyEpisode(file: file, field: "episode_0")) { $0.fields["episode_0/rewards"] = .bytes([], [0]) }
  }

  @Test(arguments: [
    ([300, 84, 1], "uint8"), ([1, 4_611_686_018_427_387_904, 32], "uint8"), ([.max, .max], "uint8"),
    ([.max], "float32"), ([3, 64], "uint8"), ([100, 64, 80], "uint8"), ([0], "uint8"), ([4, .max, .max], "float32"),
    ([8], "complex64"), ([4, 84, 84, 1], "uint8"),
  ])
  func observationsThatAreNotSupported(shape: [Int], type: String) throws {
    try expect(.unsupportedObservations(file: metadataFile, found: "Box \(type) \(shape)")) {
      $0.metadata["observation_space"] = .string(
        #"{"type": "Box", "dtype": "\#(type)", "shape": \#(shape), "low": [-Infinity], "high": [NaN]}"#)
    }
  }

  @Test(arguments: [("NaN", "1"), ("2", "1"), ("-1", "NaN")]) func boundsThatAreNone(low: String, high: String) throws {
    let found = "Box float32 [1] with bounds that are no numbers, or the lower above the upper one"
    try expect(.unsupportedActions(file: metadataFile, found: found)) {
      $0.metadata["action_space"] = .string(
        #"{"type": "Box", "dtype": "float32", "shape": [1], "low": [\#(low)], "high": [\#(high)]}"#)
    }
  }

  @Test(arguments: [
    (#""n": [3, 4]"#, "[3, 4]"), (#""n": 3, "start": [1]"#, "3"), (#""n": 0"#, "0"), (#""n": 99999999"#, "99999999"),
  ])
  func classesThatAreNotSupported(counts: String, found: String) throws {
    let space = JSONValue.string(#"{"type": "Discrete", "dtype": "int64", \#(counts)}"#)
    try expect(.unsupportedObservations(file: metadataFile, found: "Discrete int64 of \(found)")) {
      $0.metadata["observation_space"] = space
    }
    try expect(.unsupportedActions(file: metadataFile, found: "Discrete int64 of \(found)")) {
      $0.metadata["action_space"] = space
    }
  }

  /// Beyond what single precision tells apart.
  @Test func classesBeginWhereTheirSpaceSays() throws {
    let start: Int64 = 1 << 24 + 1
    var dataset = RawDataset()
    dataset.metadata["observation_space"] = .string(
      #"{"type": "Discrete", "dtype": "int64", "n": 3, "start": \#(start)}"#)
    dataset.fields["episode_0/observations"] = .integers([0, 1, 2, 1, 0].map { start + $0 })
    try dataset.write(in: folder.url)
    #expect(try Dataset(at: folder.url).frames(episode: 0) == .bytes(of: [0, 1, 2, 1, 0]))
    dataset.fields["episode_0/observations"] = .integers([0, 1, 3, 1, 0].map { start + $0 })
    try dataset.write(in: folder.url)
    #expect(
      throws: DemonstrationError.classOutOfRange(
        file: file, field: "episode_0/observations", step: 2, found: Int(start) + 3,
        classes: Int(start)..<Int(start) + 3)
    ) {
      try Dataset(at: folder.url).frames(episode: 0)
    }
  }

  @Test func actionsThatAreNotSupported() throws {
    try expect(.unsupportedActions(file: metadataFile, found: "Box float32 [2] with bounds of another shape")) {
      $0.metadata["action_space"] = #"{"type": "Box", "dtype": "float32", "shape": [2], "low": [-1], "high": [1, 1]}"#
    }
    try expect(.unsupportedActions(file: metadataFile, found: "Box uint8 [4, 4]")) {
      $0.metadata["action_space"] = #"{"type": "Box", "dtype": "uint8", "shape": [4, 4]}"#
    }
    try expect(.unsupportedActions(file: metadataFile, found: "Discrete int64 of 2147483647")) {
      $0.metadata["action_space"] = .string(StoredActions(2_147_483_647).json)
    }
    try expect(.unsupportedActions(file: metadataFile, found: "Discrete int64 of 0")) {
      $0.metadata["action_space"] = .string(StoredActions(0).json)
    }
    try expect(.unsupportedActions(file: metadataFile, found: "Dict of 'key' (Text)")) {
      $0.metadata["action_space"] = #"{"type": "Dict", "subspaces": {"key": {"type": "Text"}}}"#
    }
  }

  @Test func anAxisOfOneIsNone() throws {
    var dataset = RawDataset()
    dataset.fields["episode_0/actions"] = .integers([0, 1, 2, 0], [4, 1])
    try dataset.write(in: folder.url)
    #expect(try Dataset(at: folder.url).episodes[0].actions == [0, 1, 2, 0])
  }

  @Test func actionsThatLookOneHot() throws {
    try expect(.oneHotActions(file: file, field: "episode_0/actions", count: 3)) {
      $0.fields["episode_0/actions"] = .integers([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], [4, 3])
    }
  }

  @Test func fieldsOfTheWrongShape() throws {
    try expect(
      .wrongShape(file: file, field: "episode_0/observations", found: [4, 1, 32, 32], expected: [5, 1, 32, 32])
    ) {
      $0.fields["episode_0/observations"] = .bytes([UInt8](repeating: 0, count: 4 * 1024), [4, 1, 32, 32])
    }
    try expect(.wrongShape(file: file, field: "episode_0/observations", found: [5, 32, 32], expected: [5, 1, 32, 32])) {
      $0.fields["episode_0/observations"] = .bytes([UInt8](repeating: 0, count: 5 * 1024), [5, 32, 32])
    }
    try expect(.wrongShape(file: file, field: "episode_0/actions", found: [3], expected: [4])) {
      $0.fields["episode_0/actions"] = .integers([0, 1, 2])
    }
    try expect(.wrongShape(file: file, field: "episode_0/rewards", found: [2, 2], expected: [2])) {
      $0.fields["episode_0/rewards"] = .bytes([1, 2, 3, 4], [2, 2])
    }
  }

  @Test func fieldsOfTheWrongType() throws {
    try expect(.wrongType(file: file, field: "episode_0/actions", found: "float64", expected: "integers")) {
      $0.fields["episode_0/actions"] = .numbers([0, 1, 2, 0])
    }
    try expect(.wrongType(file: file, field: "episode_0/rewards", found: "bool", expected: "numbers")) {
      $0.fields["episode_0/rewards"] = .flags([true, true, true, true])
    }
    try expect(.wrongType(file: file, field: "episode_0/observations", found: "float64", expected: "uint8")) {
      $0.fields["episode_0/observations"] = .numbers([0, 1, 2, 0])
    }
  }

  @Test func valuesThatCannotBe() throws {
    for action: Int64 in [3, -1, .min] {
      try expect(
        .actionOutOfRange(file: file, field: "episode_0/actions", step: 2, action: Int(action), actions: 0..<3)
      ) {
        $0.fields["episode_0/actions"] = .integers([0, 1, action, 0])
      }
    }
    try expect(.notFinite(file: file, field: "episode_0/rewards", step: 1)) {
      $0.fields["episode_0/rewards"] = .numbers([0, .nan, 0, 0])
    }
    try expect(.notFinite(file: file, field: "episode_0/rewards", step: 2)) {
      $0.fields["episode_0/rewards"] = .numbers([0, 0, 1e308, 0])
    }
    try expect(.endsEarly(file: file, field: "episode_0/truncations", step: 1, length: 4)) {
      $0.fields["episode_0/truncations"] = .flags([false, true, false, false])
    }
  }

  @Test func framesThatAreJPEG() throws {
    let jpeg = fixture("jpeg-v0")
    #expect(
      throws: DemonstrationError.lossyFrames(file: jpeg.path + "/data/main_data.hdf5", field: "episode_0/observations")
    ) {
      try Dataset(at: jpeg)
    }
    try expect(.lossyFrames(file: file, field: "episode_0/observations")) {
      $0.fields["episode_0/observations"] = .bytes(
        (0..<5).flatMap { _ in [0xff, 0xd8, 0xff, 0xe0] as [UInt8] }, [5, 4])
    }
  }
}
