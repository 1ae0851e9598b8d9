import Foundation
import Settings
import Testing
import Torch

@Suite struct SafetensorsTests {
  @Test func keepsEveryTypeShapeAndByte() throws {
    let tensors: [(name: String, tensor: Tensor)] = [
      ("float32", Tensor([1.5, -2, .nan, .infinity] as [Float], [2, 2])),
      ("float64", Tensor([0.1], [1])),
      ("bfloat16", Tensor([1, 2, 3] as [Float], [3]).to(.bfloat16)),
      ("int64", Tensor([Int64.min, Int64.max], [2, 1])),
      ("int32", Tensor([-7] as [Int32], [])),
      ("uint8", Tensor([0, 255] as [UInt8], [1, 2])),
      ("bool", Tensor([true, false, true], [3])),
      ("empty", .zeros([0, 4])),
    ]
    try withFile(encoded(tensors, metadata: ["format": "1"])) { url in
      let file = try Safetensors(at: url)
      #expect(file.names == tensors.map(\.name).sorted())
      #expect(file.metadata == ["format": "1"])
      for (name, tensor) in tensors {
        let read = try file.tensor(name)
        #expect(read.shape == tensor.shape, "\(name)")
        #expect(read.type == tensor.type, "\(name)")
        #expect(read.bytes() == tensor.bytes(), "\(name)")
      }
    }
  }

  @Test func noticesEveryChangedByte() throws {
    let data = encoded([("w", Tensor([1, 2, 3] as [Float], [3])), ("v", Tensor([4] as [UInt8], [1]))])
    try withFile(data) { url in
      for place in data.indices {
        for bit in 0..<8 {
          var changed = data
          changed[place] ^= 1 << bit
          try changed.write(to: url)
          // Where the checksum itself is called something else, all others are as they were.
          guard let file = try? Safetensors(at: url) else { continue }
          let (w, v): ([Float], [UInt8]) = (try file.tensor("w").values(), try file.tensor("v").values())
          #expect(w == [1, 2, 3] && v == [4], "byte \(place), bit \(bit)")
        }
      }
      var changed = data
      changed[data.count - 6] ^= 1
      try changed.write(to: url)
      #expect(throws: TorchError.damaged(file: url.path, reason: "it has changed since it was written")) {
        try Safetensors(at: url)
      }
    }
  }

  @Test func opensFilesWithoutAChecksum() throws {
    let text = #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    try withFile(Data((header(text) + "\0\0\0\0").unicodeScalars.map { UInt8($0.value) })) { url in
      let w: [Float] = try Safetensors(at: url).tensor("w").values()
      #expect(w == [0])
    }
  }

  @Test func viewsWhatItWouldCopy() throws {
    let tensors: [(name: String, tensor: Tensor)] = [
      ("float32", Tensor((0..<600).map { Float($0) / 7 }, [200, 3])), ("uint8", Tensor([1, 2, 255] as [UInt8], [3])),
      ("int64", Tensor([Int64.min, 5], [2])),  // after three bytes: copied
      ("empty", .zeros([0, 4])),
    ]
    try withFile(encoded(tensors)) { url in
      let file = try Safetensors(at: url)
      for (name, tensor) in tensors {
        let (mapped, copied) = (try file.mapped(name), try file.tensor(name))
        #expect(mapped.shape == tensor.shape && mapped.type == tensor.type && mapped.device == .cpu, "\(name)")
        #expect(mapped.bytes() == copied.bytes() && mapped.bytes() == tensor.bytes(), "\(name)")
      }
      #expect(throws: TorchError.missingTensor(file: url.path, name: "v")) { try file.mapped("v") }
    }
  }

  /// What is computed with a view is what is computed with a copy, to the bit: every operation reads it as it does any
  /// other.
  @Test func computesWithAViewAsWithACopy() throws {
    try withFile(encoded([("w", Tensor.normal([64, 48], using: RandomSource(Seed(1))))])) { url in
      let file = try Safetensors(at: url)
      let rows = Tensor([3, 0, 63] as [Int64], [3])
      let layer = Linear(48, 32, using: RandomSource(Seed(2)))
      let results = [try file.mapped("w"), try file.tensor("w")].map { w -> [[Float]] in
        let pieces = [
          w.taking(rows), w.sliced(2..<9, axis: 1), concatenated([w, w], axis: 0), stacked([w, w]),
          w.matmul(w.permuted(1, 0)), layer(w, then: .elu), layer(w[1].reshaped(1, 48)),
          w * 2 + w, exp(w), w.sum(over: 1), w.argmax(over: 1), w.reshaped(-1), w.to(.bfloat16), w.logSoftmax(over: 1),
        ]
        let gradients = gradients(of: layer(w).squared().sum(), withRespectTo: layer.parameters).compactMap { $0 }
        return (pieces + gradients).map { $0.values() }
      }
      #expect(results[0] == results[1])
    }
  }

  @Test func aViewOutlivesTheFileAndWhoeverReadIt() throws {
    let values = (0..<100_000).map(Float.init)
    var row: Tensor?
    try withFile(encoded([("w", Tensor(values, [1000, 100]))])) { url in row = try Safetensors(at: url).mapped("w")[999]
    }
    #expect(try #require(row).values() == Array(values.suffix(100)))
  }

  @Test func aViewCannotBecomeAParameterWhichIsWrittenTo() async {
    await #expect(processExitsWith: .failure) {
      try withFile(encoded([("w", .zeros([2]))])) { url in _ = Parameter(try Safetensors(at: url).mapped("w")[1]) }
    }
    await #expect(processExitsWith: .success) {
      try withFile(encoded([("w", .zeros([2]))])) { url in _ = Parameter(try Safetensors(at: url).tensor("w")[1]) }
    }
  }

  @Test func writesAChannelsLastTensorInRowMajorOrder() throws {
    let values = (0..<24).map(Float.init)
    try withFile(encoded([("w", Tensor(values, [2, 3, 2, 2]).channelsLast())])) { url in
      let read = try Safetensors(at: url).tensor("w")
      #expect(read.values(as: Float.self) == values)
    }
  }

  @Test(arguments: [
    ("{}", "is too short"),
    (header("{}", length: 3), "the header is cut off"),
    (header("{}", length: UInt64.max), "the header is cut off"),
    (header("{]"), "the header is not JSON"),
    (header("[1]"), "the header is not JSON"),
    (header(#"{"w":7}"#), "the header's entry 'w' is not understood"),
    (entry(type: "F17", shape: "[1]", place: "[0,4]"), "the header's entry 'w' is not understood"),
    (entry(shape: "[1.5]", place: "[0,4]"), "the header's entry 'w' is not understood"),
    (entry(shape: "[1]", place: "[0]"), "the header's entry 'w' is not understood"),
    (entry(shape: "[2]", place: "[0,4]"), "tensor 'w' is cut off"),
    (entry(shape: "[0,4611686018427387904,4]", place: "[0,0]"), "tensor 'w' is cut off"),
    (entry(type: "BOOL", shape: "[4]", place: "[0,4]").dropLast() + "\u{2}", "tensor 'w' holds what is no truth value"),
    (
      header(#"{"crc32c":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#) + "\0\0\0\0",
      "it has changed since it was written"
    ),
    (
      header(#"{"crc32c":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#) + "\0\0\0\0",
      "it has changed since it was written"
    ),
    (entry(shape: "[2]", place: "[0,8]"), "tensor 'w' is cut off"),
    (entry(shape: "[1]", place: "[-4,0]"), "tensor 'w' is cut off"),
    (entry(shape: "[-1]", place: "[4,0]"), "tensor 'w' is cut off"),
    (entry(shape: "[4611686018427387904,4]", place: "[0,0]"), "tensor 'w' is cut off"),
    (entry(shape: "[1]", place: "[9223372036854775800,9223372036854775804]"), "tensor 'w' is cut off"),
  ])
  func saysHowAFileIsDamaged(bytes: String, reason: String) throws {
    try withFile(Data(bytes.unicodeScalars.map { UInt8($0.value) })) { url in
      #expect(throws: TorchError.damaged(file: url.path, reason: reason)) { try Safetensors(at: url) }
    }
  }

  @Test func saysWhatIsMissing() throws {
    let nowhere = URL(fileURLWithPath: "/nowhere/w.safetensors")
    let pipe = FileManager.default.temporaryDirectory.appending(path: "ditto-pipe-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: pipe) }
    #expect(mkfifo(pipe.path, 0o600) == 0)
    for url in [pipe, URL(fileURLWithPath: "/dev/zero"), URL(fileURLWithPath: "/")] {
      #expect(
        throws: TorchError.unreadable(file: url.path, reason: "it is a folder, a pipe or a device, not a file")
      ) { try Safetensors(at: url) }
    }
    #expect(throws: TorchError.unreadable(file: nowhere.path, reason: "there is no such file")) {
      try Safetensors(at: nowhere)
    }
    try withFile(encoded([("w", .zeros([2]))])) { url in
      let file = try Safetensors(at: url)
      #expect(throws: TorchError.missingTensor(file: url.path, name: "v")) { try file.tensor("v") }
      #expect(throws: TorchError.wrongShape(file: url.path, name: "w", expected: [3], found: [2])) {
        try file.tensor("w", shape: [3])
      }
    }
  }

  @Test func replacesNothingWhereOneTensorDoesNotFit() throws {
    let layer = Linear(2, 3, using: RandomSource(Seed(1)))
    let before = layer.weight.values(as: Float.self)
    try withFile(encoded([("weight", .zeros([3, 2])), ("bias", .zeros([4]))])) { url in
      let file = try Safetensors(at: url)
      #expect(throws: TorchError.wrongShape(file: url.path, name: "bias", expected: [3], found: [4])) {
        try layer.load(from: file)
      }
    }
    #expect(layer.weight.values(as: Float.self) == before)
  }
}

/// A file's header after its length, which may lie; Latin-1, so that a character is a byte.
private func header(_ text: String, length: UInt64? = nil) -> String {
  let length = length ?? UInt64(text.utf8.count)
  return String(String.UnicodeScalarView((0..<8).map { Unicode.Scalar(UInt8(truncatingIfNeeded: length >> (8 * $0))) }))
    + text
}

/// A file with one entry `w` and four bytes.
private func entry(type: String = "F32", shape: String, place: String) -> String {
  header(#"{"w":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(place)}}"#) + "\0\0\0\0"
}

private func encoded(_ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:]) -> Data {
  Safetensors.pieces(of: tensors, metadata: metadata).reduce(Data(), +)
}

private func withFile(_ data: Data, _ body: (URL) throws -> Void) throws {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
  try data.write(to: url)
  defer { try? FileManager.default.removeItem(at: url) }
  try body(url)
}
