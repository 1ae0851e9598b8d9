import Demonstrations
import Environments
import Foundation
import Settings

extension PixelPipeline {
  /// The key of `metadata.json` under which a dataset keeps the pipeline of its pixels.
  package static let metadataKey = "ditto_pipeline"

  /// How a dataset's frames were made, where its recorder wrote that down.
  /// - Throws: `ExperimentError.unknownPipeline` where that is not to be understood.
  static func recorded(in dataset: Dataset) throws -> PixelPipeline? {
    guard let stored = dataset.metadata[metadataKey] else { return nil }
    // What a recorder did not know yet is as it was then: the default.
    guard case .object(let known) = stored,
      case .object(let defaults)? = try? JSONDecoder().decode(
        JSONValue.self, from: JSONEncoder().encode(PixelPipeline())),
      let complete = try? JSONEncoder().encode(JSONValue.object(defaults.merging(known) { $1 })),
      let pipeline = try? JSONDecoder().decode(PixelPipeline.self, from: complete), (try? pipeline.validate()) != nil
    else { throw ExperimentError.unknownPipeline(dataset.name) }
    return pipeline
  }
}

extension Dataset {
  /// What Minari's `env_spec` says that its environment was made with, as a layer for a configuration.
  func argumentsLayer() throws -> [Preset] {
    guard case .string(let text)? = metadata["env_spec"],
      case .object(let spec)? = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)),
      case .object(let made)? = spec["kwargs"]
    else { return [] }
    // How pictures are shown is the pipeline's affair.
    let arguments = made.filter { $0.key != "render_mode" && $0.value != .null }.sorted { $0.key < $1.key }
    var pipeline: [String: JSONValue] = [
      "arguments": .array(
        try arguments.map {
          .string("\($0.key)=\(String(decoding: try JSONEncoder().encode($0.value), as: UTF8.self))")
        })
    ]
    // Beside wrappers, as Atari games have, it counts something else.
    if case .integer(let limit)? = spec["max_episode_steps"], limit > 0,
      spec["additional_wrappers"] == .array([]) || spec["additional_wrappers"] == nil
    {
      pipeline["maxEpisodeSteps"] = .integer(limit)
    }
    guard !arguments.isEmpty || pipeline.count > 1 else { return [] }
    if case .number(let sticky)? = made["repeat_action_probability"], (0...1).contains(sticky) {
      pipeline["stickyActions"] = .number(sticky)
    }
    let layer = JSONValue.object(["worldModel": .object(["pipeline": .object(pipeline)])])
    return [Preset(name: name, yaml: String(decoding: try JSONEncoder().encode(layer), as: UTF8.self))]
  }
}
