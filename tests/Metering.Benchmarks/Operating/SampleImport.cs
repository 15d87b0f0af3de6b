using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Benchmarks;

/// <summary>
/// Writes a file for <c>metering import</c>: accounts of another product with a profile, what is left of their month, two balances, two record subscriptions and a key each.
/// </summary>
internal static class SampleImport
{
    public const string Usage = """
        sample    writes a file that metering import reads, five lines an account
          --to FILE               where; needed
          --accounts N            1 to 10000000, default 100000
        """;

    private static readonly string[] Plans = ["starter", "growth", "scale"];

    /// <summary>Lines of each account.</summary>
    public const int LinesOfAccount = 5;

    public static Task RunAsync(Arguments arguments)
    {
        var path = arguments.Text("--to") ?? throw new ArgumentException("--to is missing; name the file.");
        var accounts = arguments.Number("--accounts", 100_000, 1, 10_000_000);
        arguments.RefuseOthers();
        return WriteAsync(path, accounts);
    }

    /// <summary>Writes the file.</summary>
    public static async Task WriteAsync(string path, long accounts)
    {
        await using var file = new StreamWriter(path, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16);
        var today = new DateTimeOffset(TimeProvider.System.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero);
        for (var number = 0L; number < accounts; number++)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes($"old-key-{number}")));
            var recordsEnd = today.AddDays(2 + (number % 360)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            await file.WriteAsync($$"""
                {"id":"account-{{number}}","kind":"account","account":"customer-{{number}}","plan":"{{Plans[number % Plans.Length]}}","anchor":"2025-01-{{1 + (number % 31):D2}}","monthlyCredits":{{number % 100}},"email":"customer-{{number}}@example.com","firstName":"Ada","lastName":"Number {{number}}","companyName":"Company {{number}} Ltd","createdAt":"2025-01-01"}
                {"id":"bonus-{{number}}","kind":"balance","account":"customer-{{number}}","bucket":"bonus","amount":25,"expiresAt":"2099-01-01","description":"Welcome bonus"}
                {"id":"credits-{{number}}","kind":"balance","account":"customer-{{number}}","bucket":"permanent","amount":{{number % 1_000}}.25,"description":"Credits bought before"}
                {"id":"records-{{number}}","kind":"records","account":"customer-{{number}}","records":[{"type":"company","id":"{{number % 1_000}}","expiresAt":"{{recordsEnd}}"},{"type":"contact","id":"{{number}}","expiresAt":"{{recordsEnd}}"}]}
                {"id":"key-{{number}}","kind":"key","account":"customer-{{number}}","name":"Main","scopes":["read","spend"],"hash":"{{hash}}","display":"smbk_{{hash[..7]}}"}

                """.ReplaceLineEndings("\n"));
        }
    }
}
