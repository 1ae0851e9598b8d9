import Configuration
import Foundation
import Spaces
import Testing

@testable import Demonstrations

/// Recordings of strangers.
@Suite struct RecordingFuzzTests {
  @Test func datasets() async {
    Fuzz.expectNothing("datasets", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let folders = ["channels-first-v0/data", "channels-last-v0/data", "old-v0/data"].map { corpus("DemonstrationsTests/Fixtures/fixtures/\($0)") }
        + ["linked", "vector-nan"].map { corpus("DemonstrationsTests/Fixtures/layouts/\($0)") }
      let files = try folders.map { [UInt8](try Data(contentsOf: $0.appending(path: "main_data.hdf5"))) }
      try Fuzz.run("datasets") { mutator, index in mutator.changed(files[index % files.count]) } _: { input, folder in
        let index = files.indices.min { abs(files[$0].count - input.count) < abs(files[$1].count - input.count) }!
        for name in ["metadata.json", "additional_data_0.hdf5"] {
          let (from, to) = (folders[index].appending(path: name), folder.appending(path: name))
          try? FileManager.default.removeItem(at: to)
          try? FileManager.default.copyItem(at: from, to: to)
        }
        try Data(input).write(to: folder.appending(path: "main_data.hdf5"))
        try readAll(folder)
      }
    })
  }

  /// What was recorded here reads as it was recorded or not at all.
  @Test func recordings() async {
    Fuzz.expectNothing("recordings", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let place = FileManager.default.temporaryDirectory.appending(path: "ditto-fuzz-recorded-\(UUID())")
      defer { try? FileManager.default.removeItem(at: place) }
      let writer = try DatasetWriter(at: place, observation: ObservationSpace(height: 32, width: 32), actions: 3)
      for length in [3, 70] {
        let frames = (0...length).flatMap { t in (0..<1024).map { UInt8(truncatingIfNeeded: $0 * t) } }
        try writer.append(
          RecordedEpisode(frames: frames, actions: (0..<length).map { .discrete($0 % 3) }, rewards: (0..<length).map(Double.init), terminated: true, truncated: false))
      }
      try writer.finish()
      let data = place.appending(path: "data")
      let (whole, content) = ([UInt8](try Data(contentsOf: data.appending(path: "main_data.hdf5"))), try readAll(place))
      try Fuzz.run("recordings") { mutator, _ in mutator.changed(whole) } _: { input, folder in
        try? FileManager.default.copyItem(at: data.appending(path: "metadata.json"), to: folder.appending(path: "metadata.json"))
        try Data(input).write(to: folder.appending(path: "main_data.hdf5"))
        guard try readAll(folder) == content else { throw Finding("reads other numbers than were recorded") }
      }
    })
  }

  @Test func layouts() async {
    Fuzz.expectNothing("layouts", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let files = try ["latest", "v108", "earliest"].map { [UInt8](try Data(contentsOf: corpus("DemonstrationsTests/Fixtures/layouts/\($0).hdf5"))) }
      let summed = files.map(SummedStructures.init)
      try Fuzz.run("layouts", share: 4) { mutator, index in
        // Two of three in the newest format, whose structures all have checksums.
        let file = [0, 1, 0, 2, 0, 1][index % 6]
        return summed[file].resummed(mutator.changed(files[file]))
      } _: { input, folder in
        let place = folder.appending(path: "fields.hdf5")
        try Data(input).write(to: place)
        try readAllFields(place)
      }
    })
  }

  @Test func metadata() async {
    Fuzz.expectNothing("metadata", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let folders = ["fixtures/channels-first-v0/data", "layouts/linked", "layouts/vector-nan"].map { corpus("DemonstrationsTests/Fixtures/\($0)") }
      let files = try folders.map { [UInt8](try Data(contentsOf: $0.appending(path: "metadata.json"))) }
      try Fuzz.run("metadata") { mutator, index in mutator.changedText(files[index % files.count]) } _: { input, folder in
        let index = input.count % folders.count
        try? FileManager.default.removeItem(at: folder.appending(path: "main_data.hdf5"))
        try FileManager.default.copyItem(at: folders[index].appending(path: "main_data.hdf5"), to: folder.appending(path: "main_data.hdf5"))
        try Data(input).write(to: folder.appending(path: "metadata.json"))
        try readAll(folder)
      }
    })
  }
}

/// All that a dataset holds.
@discardableResult private func readAll(_ folder: URL) throws -> [[UInt8]] {
  let dataset = try Dataset(at: folder, cached: false)
  _ = try DatasetSummary(dataset)
  return try dataset.episodes.map { episode in
    var seen = try dataset.frames(episode: episode.index)
    for step in 0..<episode.length { seen += Array("\(episode.actions[step]) \(episode.rewards[step])".utf8) }
    return seen
  }
}

/// Reads the fields whose names `make_layouts.py` gives, each as far as it can be read.
private func readAllFields(_ place: URL) throws {
  let file = try HDF5Reader(path: place.path)
  _ = try? file.rootAttributes
  _ = try? file.unsignedAttribute("number_17", of: "many")
  let good = [
    "contiguous", "compact", "early", "whole_chunk", "whole_chunk_gzip", "rows", "tiles", "shuffled", "summed", "growing", "growing_gzip", "growing_both", "pages",
    "shrunk", "big_endian", "big_endian_float", "double", "short", "soft", "beside",
  ]
  let bad = ["holes", "never", "never_chunked", "virtual", "virtual_here", "external", "link_gone", "link_above", "loop", "lzf", "complex", "lists"]
  for name in good.map({ "good/\($0)" }) + bad.map({ "bad/\($0)" }) + ["many/field_7", "many/field_59"] {
    guard let field = try? file.field(name) else { continue }
    _ = try? file.integers(field)
    _ = try? file.numbers(field)
    if let rows = field.shape.first, rows > 2 { _ = try? file.floats(field, rows: 1..<rows - 1) }
  }
}
