using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Cli;

/// <summary>Counts what became of lines and writes down those that were rejected. Safe for concurrent use.</summary>
/// <param name="path">The file of rejected lines, made with the first one.</param>
internal sealed class ImportReport(string path) : IDisposable
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly Lock gate = new();
    private FileStream? file;
    private long rejected;
    private long imported;
    private long kept;

    /// <summary>Lines that took effect.</summary>
    public long Imported => Interlocked.Read(ref imported);

    /// <summary>Lines that had taken effect before.</summary>
    public long Kept => Interlocked.Read(ref kept);

    /// <summary>Lines that were not imported.</summary>
    public long Rejected => Interlocked.Read(ref rejected);

    /// <summary>Where the rejected lines stand.</summary>
    public string Path => path;

    /// <summary>Counts lines that took effect.</summary>
    public void Import(long lines = 1) => Interlocked.Add(ref imported, lines);

    /// <summary>Counts a line that had taken effect before.</summary>
    public void Keep() => Interlocked.Increment(ref kept);

    /// <summary>Writes a rejected line down.</summary>
    public void Reject(RejectedLine line)
    {
        lock (gate)
        {
            file ??= new(path, FileMode.Create, FileAccess.Write, FileShare.Read);
            using (var json = new Utf8JsonWriter(file, Plain))
            {
                json.WriteStartObject();
                json.WriteNumber("line"u8, line.Number);
                json.WriteString("id"u8, line.Id);
                json.WriteString("field"u8, line.Field);
                json.WriteString("reason"u8, line.Reason);
                json.WriteEndObject();
            }

            file.WriteByte((byte)'\n');
            rejected++;
        }
    }

    /// <summary>Rejects a line for a reason.</summary>
    public void Reject(ImportLine line, string? field, string reason) => Reject(new(line.Number, line.Id, field, reason));

    /// <summary>Removes what an earlier run left: its lines would be taken for this one's.</summary>
    public void Begin() => File.Delete(path);

    /// <inheritdoc />
    public void Dispose() => file?.Dispose();
}
