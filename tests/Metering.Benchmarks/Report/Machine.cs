using System.Globalization;
using System.Runtime.InteropServices;

namespace Metering.Benchmarks;

/// <summary>The machine that figures come from; without its name.</summary>
internal sealed record Machine(int Processors, string ProcessorModel, double MemoryGigabytes, string OperatingSystem, string Runtime, DateTimeOffset MeasuredAt)
{
    public static Machine This() => new(
        Environment.ProcessorCount,
        ReadModel(),
        Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30), 1),
        $"{RuntimeInformation.OSDescription} ({RuntimeInformation.OSArchitecture})",
        RuntimeInformation.FrameworkDescription,
        TimeProvider.System.GetUtcNow());

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Processors} processors ({ProcessorModel}), {MemoryGigabytes:0.#} GiB of memory, {OperatingSystem}, {Runtime}");

    private static string ReadModel()
    {
        const string File = "/proc/cpuinfo";
        var line = System.IO.File.Exists(File)
            ? System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
