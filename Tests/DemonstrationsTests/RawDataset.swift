import Foundation
import Spaces

@testable import Demonstrations

/// A dataset of one episode of four steps with 32×32 frames, to be spoilt before it is written.
struct RawDataset {
  enum Field {
    case bytes([UInt8], [Int])
    case integers([Int64], [Int]? = nil)
    case numbers([Double])
    case flags([Bool])
  }

  var fields: [String: Field] = [
    "episode_0/observations": .bytes([UInt8](repeating: 9, count: 5 * 1024), [5, 1, 32, 32]),
    "episode_0/actions": .integers([0, 1, 2, 0]),
    "episode_0/rewards": .numbers([1, 1, 1, 1]),
    "episode_0/terminations": .flags([false, false, false, true]),
    "episode_0/truncations": .flags([false, false, false, false]),
  ]
  var metadata: [String: JSONValue] = [
    "total_episodes": 1, "data_format": "hdf5", "dataset_id": "raw-v0",
    "observation_space": .string(StoredObservations(ObservationSpace(height: 32, width: 32)).json),
    "action_space": .string(StoredActions(3).json),
  ]

  func write(in folder: URL) throws {
    let file = try HDF5Writer(path: folder.appendingPathComponent("main_data.hdf5").path)
    let groups = Set(
      fields.keys.flatMap { name in name.indices.filter { name[$0] == "/" }.map { String(name[..<$0]) } })
    for group in groups.sorted() { try file.group(group) }
    for (name, field) in fields {
      switch field {
      case .bytes(let values, let shape): try file.write(values, name, shape: shape, chunk: 1)
      case .integers(let values, let shape): try file.write(values, name, shape: shape ?? [values.count], chunk: 1)
      case .numbers(let values): try file.write(values, name)
      case .flags(let values): try file.write(values, name)
      }
    }
    try JSONEncoder().encode(metadata).write(to: folder.appendingPathComponent("metadata.json"))
  }
}
