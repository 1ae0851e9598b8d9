import Foundation
import Spaces

@testable import Demonstrations

/// Recordings of strangers.
extension FuzzedReader {
  static func datasets() throws -> FuzzedReader {
    let folders =
      ["channels-first-v0/data", "channels-last-v0/data", "old-v0/data"].map {
        fixture("DemonstrationsTests/Fixtures/fixtures/\($0)")
      }
      + ["linked", "vector-nan"].map { fixture("DemonstrationsTests/Fixtures/layouts/\($0)") }
    return FuzzedReader(
      seeds: ChangedFile.seeds(try folders.map { try bytes(of: $0.appending(path: "main_data.hdf5")) }),
      change: ChangedFile.change({ $2.changed($1) }, of: folders.count)
    ) { input, folder in
      let file = ChangedFile(input, of: folders.count)
      for name in ["metadata.json", "additional_data_0.hdf5"] {
        replace(folder.appending(path: name), by: folders[file.index].appending(path: name))
      }
      try Data(file.content).write(to: folder.appending(path: "main_data.hdf5"))
      try readAll(folder)
    }
  }

  /// What was recorded here reads as it was recorded or not at all.
  static func recordings() throws -> FuzzedReader {
    let place = FileManager.default.temporaryDirectory.appending(path: "ditto-fuzz-recorded-\(UUID())")
    defer { try? FileManager.default.removeItem(at: place) }
    let writer = try DatasetWriter(at: place, observation: ObservationSpace(height: 32, width: 32), actions: 3)
    for length in [3, 70] {
      let frames = (0...length).flatMap { t in (0..<1024).map { UInt8(truncatingIfNeeded: $0 * t) } }
      try writer.append(
        RecordedEpisode(
          frames: frames, actions: (0..<length).map { .discrete($0 % 3) }, rewards: (0..<length).map(Double.init),
          terminated: true, truncated: false))
    }
    try writer.finish()
    let data = place.appending(path: "data")
    let (whole, metadata, content) = (
      try bytes(of: data.appending(path: "main_data.hdf5")),
      try Data(contentsOf: data.appending(path: "metadata.json")), try readAll(place)
    )
    return FuzzedReader(seeds: [whole], change: { $1.changed($0) }) { input, folder in
      try metadata.write(to: folder.appending(path: "metadata.json"))
      try Data(input).write(to: folder.appending(path: "main_data.hdf5"))
      guard try readAll(folder) == content else { throw Finding("reads other numbers than were recorded") }
    }
  }

  static func layouts() throws -> FuzzedReader {
    let files = try ["latest", "v108", "earliest"].map {
      try bytes(of: fixture("DemonstrationsTests/Fixtures/layouts/\($0).hdf5"))
    }
    let summed = files.map(SummedStructures.init)
    return FuzzedReader(
      seeds: ChangedFile.seeds(files),
      change: ChangedFile.change({ summed[$0].resummed($2.changed($1)) }, of: files.count)
    ) { input, folder in
      let place = folder.appending(path: "fields.hdf5")
      try Data(ChangedFile(input, of: files.count).content).write(to: place)
      try readAllFields(place)
    }
  }

  static func metadata() throws -> FuzzedReader {
    let folders = ["fixtures/channels-first-v0/data", "layouts/linked", "layouts/vector-nan"].map {
      fixture("DemonstrationsTests/Fixtures/\($0)")
    }
    return FuzzedReader(
      seeds: ChangedFile.seeds(try folders.map { try bytes(of: $0.appending(path: "metadata.json")) }),
      change: ChangedFile.change({ $2.changedText($1) }, of: folders.count)
    ) { input, folder in
      let file = ChangedFile(input, of: folders.count)
      replace(folder.appending(path: "main_data.hdf5"), by: folders[file.index].appending(path: "main_data.hdf5"))
      try Data(file.content).write(to: folder.appending(path: "metadata.json"))
      try readAll(folder)
    }
  }
}

private func replace(_ place: URL, by file: URL) {
  try? FileManager.default.removeItem(at: place)
  try? FileManager.default.copyItem(at: file, to: place)
}

/// All that a dataset holds.
@discardableResult private func readAll(_ folder: URL) throws -> [[UInt8]] {
  let dataset = try Dataset(at: folder, cached: false)
  _ = try DatasetSummary(at: folder)
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
    "contiguous", "compact", "early", "whole_chunk", "whole_chunk_gzip", "rows", "tiles", "shuffled", "summed",
    "growing", "growing_gzip", "growing_both", "pages",
    "shrunk", "big_endian", "big_endian_float", "double", "short", "soft", "beside",
  ]
  let bad = [
    "holes", "never", "never_chunked", "virtual", "virtual_here", "external", "link_gone", "link_above", "loop", "lzf",
    "complex", "lists",
  ]
  for name in good.map({ "good/\($0)" }) + bad.map({ "bad/\($0)" }) + ["many/field_7", "many/field_59"] {
    guard let field = try? file.field(name) else { continue }
    _ = try? file.integers(field)
    _ = try? file.numbers(field)
    if let rows = field.shape.first, rows > 2 { _ = try? file.floats(field, rows: 1..<rows - 1) }
  }
}
