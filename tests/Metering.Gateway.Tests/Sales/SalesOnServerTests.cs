using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>The way of a new customer as the README's script goes it: the server in a process of its own, on SQLite, its sandbox's events over its socket.</summary>
public sealed class SalesOnServerTests
{
    [Fact]
    public async Task A_new_customer_buys_claims_buys_credits_and_cancels()
    {
        var folder = Directory.CreateTempSubdirectory("metering-sales-");
        try
        {
            await using var server = await ServerProcess.StartAsync(folder);
            using var client = new HttpClient { BaseAddress = new Uri(server.Output.Split(' ', '\n').First(word => word.StartsWith("http://", StringComparison.Ordinal))) };
            Assert.Contains("sold by the sandbox", server.Output, StringComparison.Ordinal);

            var purchase = await PostAsync(client, "/api/v1/purchase", """{"email": "ann@example.com", "plan": "growth"}""", HttpStatusCode.Created);
            var claim = $$"""{"email": "ann@example.com", "claimToken": "{{purchase.GetProperty("claimToken").GetString()}}"}""";
            await PostAsync(client, "/api/v1/claim-key", claim, HttpStatusCode.Accepted);
            using (var paid = await client.PostAsync(new Uri(purchase.GetProperty("checkoutUrl").GetString() + "/pay"), null))
            {
                Assert.Equal(HttpStatusCode.OK, paid.StatusCode); // Behind the redirection to the page.
                Assert.Contains("Sandbox: paid", await paid.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            }

            var claimed = await PostAsync(client, "/api/v1/claim-key", claim, HttpStatusCode.OK);
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", claimed.GetProperty("apiKey").GetString());
            var me = JsonElement.Parse(await client.GetStringAsync(new Uri("/api/v1/me", UriKind.Relative))).GetProperty("data");
            Assert.Equal(("growth", 1_000), (me.GetProperty("plan").GetString(), me.GetProperty("totalCreditsRemaining").GetInt32()));
            var credits = await PostAsync(client, "/api/v1/purchase-credits", """{"creditCount": 101}""", HttpStatusCode.OK);
            Assert.Equal((758, 101), (credits.GetProperty("amountChargedCents").GetInt32(), credits.GetProperty("totalPermanentCredits").GetInt32()));
            Assert.True((await PostAsync(client, "/api/v1/subscription/cancel", "", HttpStatusCode.OK)).GetProperty("cancelAtPeriodEnd").GetBoolean());
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(folder.FullName, "metering-data", "keys")));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<JsonElement> PostAsync(HttpClient client, string path, string body, HttpStatusCode expected)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri(path, UriKind.Relative), content);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == expected, text);
        return JsonElement.Parse(text).GetProperty("data");
    }
}
