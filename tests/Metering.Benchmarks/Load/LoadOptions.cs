using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>What the load harness was asked for.</summary>
/// <param name="Store">sqlite or memory.</param>
/// <param name="Callers">Callers at once.</param>
/// <param name="Accounts">Accounts that the calls are spread over; 1 is one hot account.</param>
/// <param name="Seconds">How long.</param>
/// <param name="Keys">True where every call has an idempotency key of its own.</param>
/// <param name="Folder">Where the database goes; null for a folder in the temporary one, removed afterwards.</param>
internal sealed record LoadOptions(string Store, int Callers, int Accounts, int Seconds, bool Keys, string? Folder)
{
    public const string Usage = """
        Durable deductions a second, in process.

          dotnet run -c Release --project tests/Metering.Benchmarks -- load [options]

          --store sqlite|memory   default sqlite
          --callers N             callers at once, 1 to 100000, default 256
          --accounts N            accounts that the calls are spread over, 1 to 1000000, default 10000; 1 is one hot account
          --seconds N             1 to 600, default 10
          --keys                  give every call an idempotency key
          --folder PATH           where the database goes; default a temporary folder, removed afterwards
        """;

    public static LoadOptions Parse(IReadOnlyList<string> arguments)
    {
        var options = new LoadOptions("sqlite", 256, 10_000, 10, false, null);
        for (var index = 0; index < arguments.Count; index++)
        {
            string Value() => ++index < arguments.Count ? arguments[index] : throw new ArgumentException($"{arguments[index - 1]} needs a value.");
            int Number(string name, int max) =>
                int.TryParse(Value(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= max
                    ? number
                    : throw new ArgumentException($"{name} must be 1 to {max}.");
            options = arguments[index] switch
            {
                "--store" => options with { Store = Value() is "sqlite" or "memory" ? arguments[index] : throw new ArgumentException("--store must be sqlite or memory.") },
                "--callers" => options with { Callers = Number("--callers", 100_000) },
                "--accounts" => options with { Accounts = Number("--accounts", 1_000_000) },
                "--seconds" => options with { Seconds = Number("--seconds", 600) },
                "--keys" => options with { Keys = true },
                "--folder" => options with { Folder = Value() },
                var unknown => throw new ArgumentException($"{unknown} is not an option."),
            };
        }

        return options;
    }
}
