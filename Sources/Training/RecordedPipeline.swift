import Demonstrations
import Environments
import Foundation

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
