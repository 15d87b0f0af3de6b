using System.Text.RegularExpressions;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>The page at <c>/openapi/try</c> works without any other network and lets nothing else in.</summary>
public sealed partial class TryPageTests
{
    [Theory]
    [InlineData("/openapi/try", "text/html")]
    [InlineData("/openapi/try.js", "text/javascript")]
    [InlineData("/openapi/try.css", "text/css")]
    public async Task Its_files_come_from_here_with_a_policy_that_allows_nothing_else(string path, string type)
    {
        await using var host = await GatewayHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        var answer = await Answer.OfAsync(host.Client, request);
        Assert.Equal((200, type), (answer.Status, answer.ContentType));
        Assert.Contains("default-src 'none'", answer.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", answer.Headers["Content-Security-Policy"], StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"]);
        Assert.DoesNotMatch(ElsewhereOrInline(), answer.Body);
    }

    [Fact]
    public async Task The_page_asks_for_files_that_are_there()
    {
        await using var host = await GatewayHost.StartAsync();
        using var page = new HttpRequestMessage(HttpMethod.Get, "/openapi/try");
        var files = FileName().Matches((await Answer.OfAsync(host.Client, page)).Body).Select(match => match.Groups["file"].Value).Distinct().ToArray();
        Assert.Equal(["try.css", "try.js", "v1.json"], files.Order());
        foreach (var file in files)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/openapi/{file}");
            Assert.Equal(200, (await Answer.OfAsync(host.Client, request)).Status);
        }
    }

    // Another server, a script or style within the page, markup made of data, or a place where the key could stay.
    [GeneratedRegex("https?://|//[a-z]+\\.|<script>|<style>| on[a-z]+=\"|style=\"|innerHTML|outerHTML|insertAdjacentHTML|eval\\(|localStorage|sessionStorage|document\\.cookie")]
    private static partial Regex ElsewhereOrInline();

    [GeneratedRegex("(src|href)=\"(?<file>[^\"]+)\"")]
    private static partial Regex FileName();
}
