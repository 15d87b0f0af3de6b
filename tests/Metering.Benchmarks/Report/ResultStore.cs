using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering.Benchmarks;

/// <summary>Raw results as JSON files in a folder, so that a table can be made again without measuring again.</summary>
internal sealed class ResultStore
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly string folder;

    public ResultStore(string? folder)
    {
        this.folder = Path.GetFullPath(folder ?? Path.Combine(Path.GetTempPath(), "metering-benchmarks"));
        Directory.CreateDirectory(this.folder);
    }

    /// <summary>Where other files of a run can go.</summary>
    public string PathOf(string name) => Path.Combine(folder, name);

    /// <summary>Stores a result; one of the same name takes its place.</summary>
    /// <param name="name">Letters, digits, dots and dashes.</param>
    /// <param name="result">The result.</param>
    public void Save<T>(string name, T result) => File.WriteAllText(PathOf($"{name}.json"), JsonSerializer.Serialize(result, Json));

    /// <summary>Forgets every stored result, so that no table mixes one run with another.</summary>
    public void Clear()
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*.json"))
        {
            File.Delete(file);
        }
    }

    /// <summary>A stored result; the default where there is none.</summary>
    public T? Find<T>(string name) => File.Exists(PathOf($"{name}.json")) ? JsonSerializer.Deserialize<T>(File.ReadAllText(PathOf($"{name}.json")), Json) : default;

    /// <summary>The stored results whose names begin with a prefix, by name.</summary>
    public IReadOnlyList<T> All<T>(string prefix) =>
    [
        .. Directory.EnumerateFiles(folder, $"{prefix}*.json")
            .Order(StringComparer.Ordinal)
            .Select(file => JsonSerializer.Deserialize<T>(File.ReadAllText(file), Json)!),
    ];
}
